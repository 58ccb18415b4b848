//! The places that connections have, and who has to give one up.
//!
//! The lock is taken when a connection comes and goes, never for a request.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// One of so many idle connections goes when a place is needed.
const SHED: usize = 16;
/// How soon somebody else is asked to go when those who were have not gone yet.
const AGAIN: Duration = Duration::from_millis(50);

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    taken: Mutex<HashMap<u64, Arc<Place>>>,
    next: AtomicU64,
    start: Instant,
}

/// The place of one connection.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    places: Weak<Places>,
    /// In flight.
    requests: AtomicU64,
    /// When the last one ended, in milliseconds from the start.
    idle_since: AtomicU64,
    give_up: Notify,
    permit: Mutex<Option<OwnedSemaphorePermit>>,
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct Busy(Arc<Place>);

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(most)),
            taken: Mutex::default(),
            next: AtomicU64::new(0),
            start: Instant::now(),
        }
    }

    /// A place, as soon as there is one. Where all are taken, the longest idle connections have to go.
    pub(super) async fn take(self: &Arc<Self>) -> Arc<Place> {
        loop {
            let permit = match Arc::clone(&self.free).try_acquire_owned() {
                Ok(permit) => permit,
                Err(_) => {
                    self.shed();
                    match tokio::time::timeout(AGAIN, Arc::clone(&self.free).acquire_owned()).await {
                        Ok(Ok(permit)) => permit,
                        // Everybody is busy; nobody closes the semaphore.
                        _ => continue,
                    }
                }
            };
            let id = self.next.fetch_add(1, Ordering::Relaxed);
            let place = Arc::new(Place {
                id,
                places: Arc::downgrade(self),
                requests: AtomicU64::new(0),
                idle_since: AtomicU64::new(self.now()),
                give_up: Notify::new(),
                permit: Mutex::new(Some(permit)),
            });
            self.taken().insert(id, Arc::clone(&place));
            return place;
        }
    }

    /// Asks a part of the idle connections to go, those that have been idle for the longest.
    pub(super) fn shed(&self) {
        let mut idle: Vec<(u64, Arc<Place>)> = self.idle().collect();
        if idle.is_empty() {
            return;
        }
        let most = (idle.len() / SHED).max(1) - 1;
        idle.select_nth_unstable_by_key(most, |(since, _)| *since);
        tracing::warn!(
            idle = idle.len(),
            closed = most + 1,
            "no place for another connection: idle ones are closed"
        );
        idle.iter().take(most + 1).for_each(|(_, place)| place.give_up.notify_one());
    }

    /// Asks those to go that have been idle for longer than `limit`.
    pub(super) fn sweep(&self, limit: Duration) {
        let Some(before) = self.now().checked_sub(millis(limit)) else { return };
        self.idle().filter(|(since, _)| *since < before).for_each(|(_, place)| place.give_up.notify_one());
    }

    fn idle(&self) -> impl Iterator<Item = (u64, Arc<Place>)> {
        let taken: Vec<_> = self.taken().values().cloned().collect();
        taken.into_iter().filter_map(|place| {
            let idle = place.requests.load(Ordering::Acquire) == 0;
            idle.then(|| (place.idle_since.load(Ordering::Relaxed), place))
        })
    }

    fn now(&self) -> u64 {
        millis(self.start.elapsed())
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<u64, Arc<Place>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// A request has come.
    pub(super) fn request(self: &Arc<Self>) -> Busy {
        self.requests.fetch_add(1, Ordering::AcqRel);
        Busy(Arc::clone(self))
    }

    /// Returns when the connection has to go: it is idle, and somebody else needs its place or its time is over.
    pub(super) async fn given_up(&self) {
        loop {
            self.give_up.notified().await;
            // A request may have come since.
            if self.requests.load(Ordering::Acquire) == 0 {
                return;
            }
        }
    }

    /// The connection is gone.
    pub(super) fn leave(&self) {
        if let Some(places) = self.places.upgrade() {
            places.taken().remove(&self.id);
        }
        drop(self.permit.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(places) = self.0.places.upgrade() {
            self.0.idle_since.store(places.now(), Ordering::Relaxed);
        }
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
