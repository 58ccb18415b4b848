//! How far a job is, and whether it shall go on: shared by the thread that copies and the task that waits for it.

use super::BackupError;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    done: AtomicU64,
    total: AtomicU64,
    stage: Mutex<&'static str>,
    cancelled: Mutex<Option<String>>,
}

impl Meter {
    /// Another stage begins, of so many bytes; zero when nobody knows.
    pub fn stage(&self, stage: &'static str, total: u64) {
        *self.0.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
        self.0.done.store(0, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
    }

    /// So many bytes more. An error when it shall not go on.
    pub fn add(&self, bytes: u64) -> Result<(), BackupError> {
        self.0.done.fetch_add(bytes, Ordering::Relaxed);
        self.check()
    }

    /// An error when it shall not go on.
    pub fn check(&self) -> Result<(), BackupError> {
        let cancelled = self.0.cancelled.lock().unwrap_or_else(PoisonError::into_inner).clone();
        cancelled.map_or(Ok(()), |why| Err(BackupError::Cancelled(why)))
    }

    /// It shall not go on. The first reason counts.
    pub fn cancel(&self, why: &str) {
        let mut cancelled = self.0.cancelled.lock().unwrap_or_else(PoisonError::into_inner);
        cancelled.get_or_insert_with(|| why.to_owned());
    }

    /// Stage, bytes done, bytes in all.
    pub fn read(&self) -> (&'static str, u64, u64) {
        let stage = *self.0.stage.lock().unwrap_or_else(PoisonError::into_inner);
        (stage, self.0.done.load(Ordering::Relaxed), self.0.total.load(Ordering::Relaxed))
    }
}
