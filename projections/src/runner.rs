//! The runner: a task a projection, each following the feed with a checkpoint of its own.
//!
//! Any number of processes may run it. The row lock on the checkpoint makes sure that every batch is applied once;
//! who waits for it reads on from where the other one came to.

mod follower;
mod gauges;

use crate::views::View;
use clawplane_eventstore::Wakeup;
use follower::Follower;
use sqlx::PgPool;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Follows the feed with all projections.
#[derive(Debug)]
pub struct Runner;

impl Runner {
    /// Starts all projections on `tracker`. Each takes one connection of `pool` while it works.
    ///
    /// They stop when `shutdown` is cancelled: a batch that is not committed by then is rolled back, and the next
    /// process begins with it.
    #[expect(clippy::needless_pass_by_value, reason = "handles: its tasks keep them")]
    pub fn start(pool: PgPool, wakeup: Wakeup, shutdown: CancellationToken, tracker: &TaskTracker) {
        for view in View::ALL {
            let follower = Follower::new(pool.clone(), view);
            let (listener, shutdown) = (wakeup.listen(), shutdown.clone());
            tracker.spawn(async move {
                shutdown.run_until_cancelled(follower.follow(listener)).await;
                tracing::debug!(projection = view.name(), "projection stopped");
            });
        }
    }
}
