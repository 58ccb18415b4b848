//! Usage that is not in Postgres yet, on the local disk: what must survive `kill -9`.
//!
//! Before a request goes upstream its intent is appended, after it has ended its outcome, each with one write and
//! without a lock; a task syncs what was written a few milliseconds later. An intent is the very record that is
//! stored when no outcome follows it.

mod identity;
mod record;
mod recover;
mod segment;

pub(crate) use record::{Entry, Reader};
pub(crate) use recover::recover;
pub(crate) use segment::Segment;

use crate::StartError;
use arc_swap::ArcSwap;
use clawplane_domain::{
    clock::{Clock, Ids},
    usage::UsageRecorded,
};
use identity::Identity;
use std::{
    collections::VecDeque,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// From a write to its sync, at most this and the time of the sync itself.
const SYNC_AFTER: Duration = Duration::from_millis(4);

/// Why usage cannot be recorded at the moment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    #[error("the spool has reached its largest size")]
    Full,
    #[error("the process ends")]
    Ending,
    #[error("the spool cannot be written")]
    Write(#[from] io::Error),
    #[error("a record cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// The spool of this process.
pub(crate) struct Spool {
    dir: PathBuf,
    identity: Identity,
    current: ArcSwap<Segment>,
    /// All segments of this process that are on the disk, oldest first; the last one is the current one.
    segments: Mutex<VecDeque<Arc<Segment>>>,
    segment_bytes: u64,
    max_bytes: u64,
    bytes: AtomicU64,
    sequence: AtomicU64,
    /// Outcomes that the disk did not take; as many as there were requests in flight, at most.
    unwritten: Mutex<Vec<(u64, UsageRecorded)>>,
    dirty: AtomicBool,
    /// The folder has a new name in it.
    renamed: AtomicBool,
    to_sync: Notify,
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
        (segment_bytes, max_bytes): (u64, u64),
        clock: &dyn Clock,
        ids: &dyn Ids,
    ) -> Result<Self, StartError> {
        let Claimed { dir, lock } = claimed;
        let failed = |source| StartError::Spool { path: dir.clone(), source };
        let identity = Identity::next(&dir, clock, ids).map_err(failed)?;
        let first = Segment::create(&dir, &identity, 0).map_err(failed)?;
        let first = Arc::new(first);
        Ok(Self {
            bytes: AtomicU64::new(first.len()),
            current: ArcSwap::new(Arc::clone(&first)),
            segments: Mutex::new(VecDeque::from([first])),
            identity,
            segment_bytes,
            max_bytes,
            sequence: AtomicU64::new(0),
            unwritten: Mutex::default(),
            dirty: AtomicBool::new(false),
            renamed: AtomicBool::new(true),
            to_sync: Notify::new(),
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

    /// Records what to store if nothing more is heard of the request. Without it, the request must not go upstream.
    pub(crate) fn begin(&self, draft: &UsageRecorded) -> Result<(), SpoolError> {
        if self.ending.load(Ordering::Acquire) {
            return Err(SpoolError::Ending);
        }
        if self.bytes.load(Ordering::Relaxed) > self.max_bytes {
            return Err(SpoolError::Full);
        }
        self.write(&record::intent(draft)?)
    }

    /// Records how a request ended, under the next number of the stream.
    pub(crate) fn close(&self, outcome: UsageRecorded) {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let written = record::outcome(sequence, &outcome)
            .map_err(SpoolError::from)
            .and_then(|bytes| self.write(&bytes));
        if let Err(error) = written {
            tracing::error!(%error, request_id = %outcome.request_id, "the spool did not take an outcome; it is kept in memory");
            self.unwritten().push((sequence, outcome));
        }
        if !self.fresh.swap(true, Ordering::AcqRel) {
            self.to_upload.notify_one();
        }
    }

    /// Tries again to write what could not be written.
    pub(crate) fn retry_unwritten(&self) {
        let waiting = std::mem::take(&mut *self.unwritten());
        for (sequence, outcome) in waiting {
            let written = record::outcome(sequence, &outcome)
                .map_err(SpoolError::from)
                .and_then(|bytes| self.write(&bytes));
            if written.is_err() {
                self.unwritten().push((sequence, outcome));
            }
        }
    }

    /// Its size on the disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How many outcomes were given a number.
    pub(crate) fn closed(&self) -> u64 {
        self.sequence.load(Ordering::Relaxed)
    }

    /// Returns when there was an outcome since the last call.
    pub(crate) async fn outcome(&self) {
        while !self.fresh.swap(false, Ordering::AcqRel) {
            self.to_upload.notified().await;
        }
    }

    /// Syncs what is written, a few milliseconds behind, until `cancel`.
    pub(crate) async fn sync_loop(self: Arc<Self>, cancel: CancellationToken) {
        loop {
            tokio::select! {
                () = self.to_sync.notified() => tokio::time::sleep(SYNC_AFTER).await,
                () = cancel.cancelled() => return self.sync().await,
            }
            self.sync().await;
        }
    }

    async fn sync(self: &Arc<Self>) {
        self.dirty.store(false, Ordering::Release);
        let dirty: Vec<_> = self.segments().iter().filter(|segment| segment.take_dirty()).cloned().collect();
        let dir = self.renamed.swap(false, Ordering::AcqRel).then(|| self.dir.clone());
        let synced = tokio::task::spawn_blocking(move || {
            dirty.iter().try_for_each(|segment| segment.sync())?;
            dir.map_or(Ok(()), |dir| File::open(dir)?.sync_all())
        })
        .await;
        if let Ok(Err(error)) = synced {
            tracing::error!(%error, "the spool could not be synced");
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

    fn write(&self, bytes: &[u8]) -> Result<(), SpoolError> {
        let segment = self.current.load();
        let written = segment.append(bytes);
        let length = segment.len();
        if !self.dirty.swap(true, Ordering::AcqRel) {
            self.to_sync.notify_one();
        }
        if written.is_err() || length > self.segment_bytes {
            self.rotate(&segment);
        }
        self.bytes.fetch_add(written? as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Puts a new segment in the place of `full`, unless somebody else does or did.
    fn rotate(&self, full: &Arc<Segment>) {
        // Whoever does not get the lock goes on writing to the old segment for a moment.
        let Ok(mut segments) = self.segments.try_lock() else { return };
        if !Arc::ptr_eq(&self.current.load(), full) {
            return;
        }
        let index = segments.back().map_or(full.index, |last| last.index) + 1;
        match Segment::create(&self.dir, &self.identity, index) {
            Ok(next) => {
                let next = Arc::new(next);
                self.bytes.fetch_add(next.len(), Ordering::Relaxed);
                segments.push_back(Arc::clone(&next));
                self.current.store(next);
                self.renamed.store(true, Ordering::Release);
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
