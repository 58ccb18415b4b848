//! Who goes first when processors are short: what people and bots wait for, then what nobody waits for.
//!
//! Usage that is in the spool is safe, and read models may follow a moment later. Storing and projecting it while the data
//! path needs every processor only makes all of it slow, so that work gives way, for a bounded time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Work that is later than this gives way no more.
pub const LATEST: Duration = Duration::from_secs(10);
/// The longest wait before one piece of work.
pub const TURN: Duration = Duration::from_secs(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Whether the data path of this process is busy. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Precedence(Arc<AtomicBool>);

impl Precedence {
    /// Says how it is. Whoever never says anything is never given way.
    pub fn set_busy(&self, busy: bool) {
        self.0.store(busy, Ordering::Relaxed);
    }

    /// Waits while the data path is busy: at most [`TURN`], and not at all for work that is `late` by more than
    /// [`LATEST`].
    pub async fn give_way(&self, late: Duration) {
        let begun = Instant::now();
        while self.0.load(Ordering::Relaxed) && begun.elapsed() < TURN && late + begun.elapsed() < LATEST {
            sleep(LOOK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn waited(precedence: &Precedence, late: Duration) -> Duration {
        let begun = Instant::now();
        precedence.give_way(late).await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_only_while_others_are_busy_and_never_for_long() {
        let precedence = Precedence::default();
        assert_eq!(waited(&precedence, Duration::ZERO).await, Duration::ZERO);
        precedence.set_busy(true);
        assert_eq!(waited(&precedence, Duration::ZERO).await, TURN);
        assert_eq!(waited(&precedence, LATEST).await, Duration::ZERO);
        let nearly = waited(&precedence, Duration::from_millis(9900)).await;
        assert_eq!(nearly, Duration::from_millis(100));
        let other = precedence.clone();
        let (waited, ()) = tokio::join!(waited(&precedence, Duration::ZERO), async move {
            sleep(Duration::from_millis(200)).await;
            other.set_busy(false);
        });
        assert!(waited < Duration::from_millis(300), "{waited:?}");
    }
}
