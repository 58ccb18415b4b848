//! Connections that outlive their requests: counted, bounded, ended when the platform stops.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// WebSockets to bots at a time.
const MOST: usize = 4096;

/// All such connections of a process. Clones share them.
#[derive(Clone, Debug)]
pub struct Tunnels {
    tasks: TaskTracker,
    closing: CancellationToken,
    places: Arc<Semaphore>,
}

impl Tunnels {
    /// They are `tasks`, and end when `closing` is cancelled.
    pub fn new(tasks: TaskTracker, closing: CancellationToken) -> Self {
        Self { tasks, closing, places: Arc::new(Semaphore::new(MOST)) }
    }

    /// Ends when the platform stops.
    pub(crate) fn closing(&self) -> impl Future<Output = ()> + Send + 'static {
        self.closing.clone().cancelled_owned()
    }

    /// A place for one more, where there is one.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// The platform waits for it when it stops.
    pub(crate) fn track<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        self.tasks.track_future(future)
    }

    /// A task that ends with the request that it is for; the platform waits for it.
    pub(crate) fn beside_request(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// A task of its own, until it ends or the platform stops.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let closing = self.closing.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = task => {}
                () = closing.cancelled() => {}
            }
        });
    }
}
