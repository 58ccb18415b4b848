//! A bell for the readers of the feed in the same process: rung after a commit.
//!
//! It is a shortcut and never a promise: readers poll anyway, since other processes write too.

use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// Rings after each commit of this process. Clones share one bell.
#[derive(Clone, Debug)]
pub struct Wakeup(Arc<watch::Sender<u64>>);

impl Default for Wakeup {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Wakeup {
    /// Wakes whoever listens. Never blocks.
    pub fn ring(&self) {
        self.0.send_modify(|rings| *rings = rings.wrapping_add(1));
    }

    /// An ear for this bell. It misses no ring from now on.
    pub fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

/// Waits for the bell.
#[derive(Clone, Debug)]
pub struct Listener(watch::Receiver<u64>);

impl Listener {
    /// Returns at the next ring (at once if it rang since the last call), or after `at_most`.
    pub async fn wait(&mut self, at_most: Duration) {
        // A closed bell never rings again: then only the time counts.
        let ring = async {
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let _ = tokio::time::timeout(at_most, ring).await;
    }
}
