//! Usage that is not in Postgres yet, on the local disk: what must survive `kill -9`.
//!
//! Before a request goes upstream its intent is appended, after it has ended its outcome, each with one write and
//! without a lock; a task syncs what was written a few milliseconds later, or, where the intent has to survive the loss of
//! power, before the request goes on. An intent is the very record that is stored when no outcome follows it.

mod durable;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod identity;
mod numbers;
mod record;
mod recover;
mod segment;

pub(crate) use durable::Written;
pub(crate) use record::{Entry, Reader};
pub(crate) use recover::recover;
pub(crate) use segment::Segment;

use crate::{StartError, config::SpoolDurability, telemetry};
use arc_swap::ArcSwap;
use clawplane_domain::{
    clock::{Clock, Ids},
    usage::UsageRecorded,
};
use durable::Progress;
use identity::Identity;
use record::Head;
use std::{
    collections::VecDeque,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::sync::Notify;

/// Why usage cannot be recorded at the moment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    #[error("the spool has reached its largest size")]
    Full,
    #[error("the process ends")]
    Ending,
    #[error("the spool cannot be written")]
    Write(#[from] io::Error),
    #[error("the spool cannot be synced")]
    Sync,
    #[error("a record cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// How large the spool gets, and what it survives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) segment_bytes: u64,
    pub(crate) max_bytes: u64,
    pub(crate) durability: SpoolDurability,
}

/// The spool of this process.
pub(crate) struct Spool {
    dir: PathBuf,
    identity: Identity,
    current: ArcSwap<Segment>,
    /// All segments of this process that are on the disk, oldest first; the last one is the current one.
    segments: Mutex<VecDeque<Arc<Segment>>>,
    /// That of the next segment. One that could not be made is left out.
    next_index: AtomicU64,
    limits: Limits,
    bytes: AtomicU64,
    sequence: AtomicU64,
    /// Outcomes of begun requests that the disk did not take; as many as there were requests in flight, at most.
    unwritten: Mutex<Vec<(u64, UsageRecorded)>>,
    /// Numbers of records that were given up; those who come next get them, so that the stream has no hole.
    vacant: Mutex<Vec<u64>>,
    any_vacant: AtomicBool,
    progress: Progress,
    fresh: AtomicBool,
    to_upload: Notify,
    ending: AtomicBool,
    /// Held for as long as the process lives: one process a folder.
    _lock: File,
}

/// A folder that this process has for itself.
pub(crate) struct Claimed {
    pub(crate) dir: PathBuf,
    lock: File,
}

impl Claimed {
    /// Makes the folder where there is none, and takes it.
    pub(crate) fn take(dir: &Path) -> Result<Self, StartError> {
        let failed = |source| StartError::Spool { path: dir.to_owned(), source };
        std::fs::create_dir_all(dir).map_err(failed)?;
        let lock = File::create(dir.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { dir: dir.to_owned(), lock }),
            Err(std::fs::TryLockError::WouldBlock) => Err(StartError::SpoolInUse(dir.to_owned())),
            Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

impl Spool {
    /// Begins a new epoch, and with it a new stream.
    pub(crate) fn open(
        claimed: Claimed,
        limits: Limits,
        clock: &dyn Clock,
        ids: &dyn Ids,
    ) -> Result<Self, StartError> {
        let Claimed { dir, lock } = claimed;
        let failed = |source| StartError::Spool { path: dir.clone(), source };
        let identity = Identity::next(&dir, clock, ids).map_err(failed)?;
        let head = Head { stream: identity.stream.clone(), base: 0 };
        let first = Segment::create(&dir, (identity.epoch, 0), &head).map_err(failed)?;
        // A spool that is smaller than its segments would never get rid of one.
        let segment_bytes = limits.segment_bytes.min(limits.max_bytes / 8);
        let limits = Limits { segment_bytes, ..limits };
        let first = Arc::new(first);
        Ok(Self {
            bytes: AtomicU64::new(first.len()),
            current: ArcSwap::new(Arc::clone(&first)),
            segments: Mutex::new(VecDeque::from([first])),
            identity,
            next_index: AtomicU64::new(1),
            limits,
            sequence: AtomicU64::new(0),
            unwritten: Mutex::default(),
            vacant: Mutex::default(),
            any_vacant: AtomicBool::new(false),
            progress: Progress::default(),
            fresh: AtomicBool::new(false),
            to_upload: Notify::new(),
            ending: AtomicBool::new(false),
            dir,
            _lock: lock,
        })
    }

    /// The stream that this process's usage goes to.
    pub(crate) fn stream(&self) -> &str {
        &self.identity.stream
    }

    /// Records what to store if nothing more is heard of the request. Without it, the request must not go upstream; nor
    /// before what it gives back is [`Spool::durable`].
    pub(crate) fn begin(&self, draft: &UsageRecorded) -> Result<Written, SpoolError> {
        if self.is_ending() {
            return Err(SpoolError::Ending);
        }
        if self.is_full() {
            return Err(SpoolError::Full);
        }
        self.write(&record::intent(draft)?)
    }

    fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.limits.max_bytes
    }

    /// Records how a request ended, under the next number of the stream. One that was `begun` is kept whatever happens;
    /// one that the proxy has refused by itself is given up where there is no room for it.
    pub(crate) fn close(&self, outcome: UsageRecorded, begun: bool) {
        if !begun && self.is_full() {
            return telemetry::dropped_refusal();
        }
        let number = self.number();
        if let Err(error) = self.write_outcome(number, &outcome) {
            if begun {
                tracing::error!(%error, request_id = %outcome.request_id, "the spool did not take an outcome; it is kept in memory");
                self.unwritten().push((number, outcome));
            } else {
                self.vacate(number);
                telemetry::dropped_refusal();
            }
        }
        if !self.fresh.swap(true, Ordering::AcqRel) {
            self.to_upload.notify_one();
        }
    }

    fn write_outcome(&self, number: u64, outcome: &UsageRecorded) -> Result<(), SpoolError> {
        self.write(&record::outcome(number, outcome)?).map(drop)
    }

    fn number(&self) -> u64 {
        if self.any_vacant.load(Ordering::Acquire) {
            let mut vacant = self.vacant.lock().unwrap_or_else(PoisonError::into_inner);
            let number = vacant.pop();
            self.any_vacant.store(!vacant.is_empty(), Ordering::Release);
            if let Some(number) = number {
                return number;
            }
        }
        self.sequence.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn vacate(&self, number: u64) {
        let mut vacant = self.vacant.lock().unwrap_or_else(PoisonError::into_inner);
        vacant.push(number);
        self.any_vacant.store(true, Ordering::Release);
    }

    /// Tries again to write what could not be written.
    pub(crate) fn retry_unwritten(&self) {
        let waiting = std::mem::take(&mut *self.unwritten());
        for (number, outcome) in waiting {
            if self.write_outcome(number, &outcome).is_err() {
                self.unwritten().push((number, outcome));
            }
        }
    }

    /// Its size on the disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How many outcomes were given a number and have it still.
    pub(crate) fn closed(&self) -> u64 {
        let vacant = self.vacant.lock().unwrap_or_else(PoisonError::into_inner).len() as u64;
        self.sequence.load(Ordering::Relaxed).saturating_sub(vacant)
    }

    /// Returns when there was an outcome since the last call.
    pub(crate) async fn outcome(&self) {
        while !self.fresh.swap(false, Ordering::AcqRel) {
            self.to_upload.notified().await;
        }
    }

    /// The oldest segment from `index` on.
    pub(crate) fn segment_from(&self, index: u64) -> Option<Arc<Segment>> {
        self.segments().iter().find(|segment| segment.index >= index).cloned()
    }

    /// Whether more can be appended to a segment of which the caller holds one reference.
    pub(crate) fn is_growing(&self, segment: &Arc<Segment>) -> bool {
        // The list has a reference too. A writer that took the segment holds another one until it has written.
        Arc::ptr_eq(&self.current.load(), segment) || Arc::strong_count(segment) > 2
    }

    /// Whether [`Spool::refuse`] was called.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Refuses new requests from now on: the process ends.
    pub(crate) fn refuse(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// Removes every segment: everything in them is in Postgres.
    pub(crate) fn clear(&self) {
        let left: Vec<_> = self.segments().iter().map(|segment| segment.index).collect();
        for index in left {
            if let Err(error) = self.delete(index) {
                tracing::warn!(%error, index, "a segment of the spool cannot be removed");
            }
        }
    }

    /// Removes a segment of which everything is in Postgres.
    pub(crate) fn delete(&self, index: u64) -> io::Result<()> {
        let mut segments = self.segments();
        let Some(at) = segments.iter().position(|segment| segment.index == index) else { return Ok(()) };
        let Some(segment) = segments.remove(at) else { return Ok(()) };
        drop(segments);
        let left = |bytes: u64| Some(bytes.saturating_sub(segment.len()));
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        std::fs::remove_file(segment.path())
    }

    fn write(&self, bytes: &[u8]) -> Result<Written, SpoolError> {
        let segment = self.current.load();
        let written = segment.append(bytes);
        let length = segment.len();
        if written.is_err() || length > self.limits.segment_bytes {
            self.rotate(&segment);
        }
        self.bytes.fetch_add(written? as u64, Ordering::Relaxed);
        Ok(self.progress.wrote())
    }

    /// Puts a new segment in the place of `full`, unless somebody else does or did.
    fn rotate(&self, full: &Arc<Segment>) {
        // Whoever does not get the lock goes on writing to the old segment for a moment.
        let Ok(mut segments) = self.segments.try_lock() else { return };
        if !Arc::ptr_eq(&self.current.load(), full) {
            return;
        }
        let index = self.next_index.fetch_add(1, Ordering::Relaxed);
        let head = Head { stream: self.identity.stream.clone(), base: self.sequence.load(Ordering::SeqCst) };
        match Segment::create(&self.dir, (self.identity.epoch, index), &head) {
            Ok(next) => {
                let next = Arc::new(next);
                self.bytes.fetch_add(next.len(), Ordering::Relaxed);
                segments.push_back(Arc::clone(&next));
                self.progress.renamed();
                self.current.store(next);
            }
            Err(error) => tracing::error!(%error, "the spool could not start a new segment"),
        }
    }

    fn segments(&self) -> MutexGuard<'_, VecDeque<Arc<Segment>>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unwritten(&self) -> MutexGuard<'_, Vec<(u64, UsageRecorded)>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
