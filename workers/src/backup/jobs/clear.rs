//! What is left of backups that were deleted, or whose worker is gone.

use super::BackupWorker;
use crate::backup::BackupError;
use clawplane_domain::backup::{BackupCommand, BackupProfile};
use std::path::Path;

const GONE: &str = "the process that made it ended in the middle";

impl BackupWorker {
    /// A backup that somebody had begun who is gone now: whoever leads is the only one that makes any.
    pub(super) async fn clear_broken(&self, backup: &BackupProfile) -> Result<(), BackupError> {
        let Some(begun) = &backup.begun else { return Ok(()) };
        if begun.worker == self.me {
            // It ends by itself.
            return Ok(());
        }
        let host = self.parts.hosts.of(backup.request.bot_id).await?;
        self.undo(&host, backup, begun, GONE).await;
        Ok(())
    }

    /// A deleted backup: its key first, so that the rest is noise wherever a copy of it may be.
    pub(super) async fn remove(&self, backup: &BackupProfile) -> Result<(), BackupError> {
        if let Some(begun) = &backup.begun {
            self.remove_parts(backup.request.id, begun).await?;
            if begun.store != self.parts.store.name() {
                tracing::warn!(
                    backup = %backup.request.id, store = %begun.store,
                    "a deleted backup's object stays in a store that is not configured any more; its key is destroyed"
                );
            }
        }
        self.say(backup, BackupCommand::ConfirmRemoved).await
    }
}

/// Archives that never came to the store: nobody works on them when this is called.
pub(super) async fn clear_staging(folder: &Path) {
    let cleared = async {
        let mut entries = tokio::fs::read_dir(folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            if entry.path().extension().is_some_and(|end| end == "cpbk") {
                tokio::fs::remove_file(entry.path()).await?;
            }
        }
        Ok::<_, std::io::Error>(())
    };
    if let Err(error) = cleared.await {
        tracing::warn!(%error, "the folder of unfinished backups cannot be cleared");
    }
}
