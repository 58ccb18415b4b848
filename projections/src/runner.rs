//! The runner: a task a projection, each following the feed with a checkpoint of its own.
//!
//! Any number of processes may run it. The row lock on the checkpoint makes sure that every batch is applied once;
//! who waits for it reads on from where the other one came to.

mod follower;
mod gauges;

use crate::views::View;
use clawplane_eventstore::{Listener, Precedence, Wakeup};
use follower::Follower;
use futures::FutureExt;
use sqlx::PgPool;
use std::{convert::Infallible, panic::AssertUnwindSafe, time::Duration};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Pause before a projection that panicked is started again.
const AFTER_PANIC: Duration = Duration::from_secs(5);

/// Follows the feed with all projections.
#[derive(Debug)]
pub struct Runner;

impl Runner {
    /// Starts all projections on `tracker`. Each takes one connection of `pool` while it works.
    ///
    /// They stop when `shutdown` is cancelled: a batch that is not committed by then is rolled back, and the next
    /// process begins with it.
    #[expect(clippy::needless_pass_by_value, reason = "handles: its tasks keep them")]
    pub fn start(
        pool: PgPool,
        wakeup: Wakeup,
        precedence: Precedence,
        shutdown: CancellationToken,
        tracker: &TaskTracker,
    ) {
        for view in View::ALL {
            let (pool, listener, shutdown) = (pool.clone(), wakeup.listen(), shutdown.clone());
            // Commands wait for the others.
            let precedence = if view.is_waited_for() { Precedence::default() } else { precedence.clone() };
            tracker.spawn(async move {
                shutdown.run_until_cancelled(keep_following(pool, view, listener, precedence)).await;
                tracing::debug!(projection = view.name(), "projection stopped");
            });
        }
    }
}

/// A defect that panics must not end a projection in silence, as the end of its task would.
async fn keep_following(pool: PgPool, view: View, listener: Listener, precedence: Precedence) -> Infallible {
    loop {
        let follower = Follower::new(pool.clone(), view, precedence.clone());
        if AssertUnwindSafe(follower.follow(listener.clone())).catch_unwind().await.is_err() {
            tracing::error!(
                projection = view.name(),
                "projection panicked; it starts over from its checkpoint"
            );
        }
        tokio::time::sleep(AFTER_PANIC).await;
    }
}
