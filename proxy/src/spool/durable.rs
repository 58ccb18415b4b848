//! From the page cache to the disk: one sync for all that was written before it began.
//!
//! What a killed process has written, the kernel keeps. Only the loss of power takes it, unless it was synced.

use super::{Spool, SpoolError};
use crate::config::SpoolDurability;
use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// From a write to its sync, at most this and the time of the sync itself, where nobody waits for it.
const SYNC_AFTER: Duration = Duration::from_millis(4);

/// A write, by its place among all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "nothing may go upstream before it is durable"]
pub(crate) struct Written(u64);

/// How far writes and syncs have come.
#[derive(Debug)]
pub(super) struct Progress {
    wrote: AtomicU64,
    /// Writes that are on the disk, and those of which it is not known.
    synced: watch::Sender<(u64, u64)>,
    dirty: AtomicBool,
    /// The folder has a new name in it.
    renamed: AtomicBool,
    to_sync: Notify,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            wrote: AtomicU64::new(0),
            synced: watch::Sender::new((0, 0)),
            dirty: AtomicBool::new(false),
            renamed: AtomicBool::new(true),
            to_sync: Notify::new(),
        }
    }
}

impl Progress {
    pub(super) fn wrote(&self) -> Written {
        let written = Written(self.wrote.fetch_add(1, Ordering::AcqRel) + 1);
        if !self.dirty.swap(true, Ordering::AcqRel) {
            self.to_sync.notify_one();
        }
        written
    }

    pub(super) fn renamed(&self) {
        self.renamed.store(true, Ordering::Release);
    }
}

impl Spool {
    /// Waits until a write survives what it has to: nothing to wait for where that is only the end of the process.
    pub(crate) async fn durable(&self, written: Written) -> Result<(), SpoolError> {
        if self.limits.durability == SpoolDurability::Process {
            return Ok(());
        }
        let mut synced = self.progress.synced.subscribe();
        let reached = synced.wait_for(|(good, bad)| *good >= written.0 || *bad >= written.0).await;
        match reached.map(|reached| *reached) {
            Ok((good, bad)) if good >= written.0 && bad < written.0 => Ok(()),
            _ => Err(SpoolError::Sync),
        }
    }

    /// Syncs what is written until `cancel`: at once where somebody waits for it, else a few milliseconds behind.
    pub(crate) async fn sync_loop(self: Arc<Self>, cancel: CancellationToken) {
        loop {
            tokio::select! {
                () = self.progress.to_sync.notified() => {}
                () = cancel.cancelled() => return self.sync().await,
            }
            if self.limits.durability == SpoolDurability::Process {
                tokio::time::sleep(SYNC_AFTER).await;
            }
            self.sync().await;
        }
    }

    async fn sync(self: &Arc<Self>) {
        let progress = &self.progress;
        progress.dirty.store(false, Ordering::Release);
        // What is counted here is in a file already, and that file is dirty or synced.
        let wrote = progress.wrote.load(Ordering::Acquire);
        let dirty: Vec<_> = self.segments().iter().filter(|segment| segment.take_dirty()).cloned().collect();
        let renamed = progress.renamed.swap(false, Ordering::AcqRel);
        let dir = renamed.then(|| self.dir.clone());
        let current = self.current.load_full();
        let synced = tokio::task::spawn_blocking(move || {
            dirty.iter().try_for_each(|segment| segment.sync())?;
            dir.map_or(Ok(()), |dir| File::open(dir)?.sync_all())
        })
        .await;
        match synced {
            Ok(Ok(())) => progress.synced.send_modify(|(good, _)| *good = wrote),
            Ok(Err(error)) => {
                tracing::error!(%error, "the spool could not be synced");
                // The kernel reports a page that it could not write once, and then calls it clean: it is never asked again.
                if renamed {
                    progress.renamed();
                }
                self.rotate(&current);
                progress.synced.send_modify(|(_, bad)| *bad = wrote);
            }
            // The runtime ends, and the process with it.
            Err(_) => progress.synced.send_modify(|(_, bad)| *bad = wrote),
        }
    }
}
