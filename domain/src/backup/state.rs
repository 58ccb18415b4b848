//! What a backup is.

use super::{
    BackupCommand, BackupEvent, BackupRefusal, Begun, DeletedBy, RequestBackup, Restore, RestoreState, Sums,
};
use crate::{Decide, Timestamp};
use serde::{Deserialize, Serialize};

/// How far a backup has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackupState {
    /// Nobody has begun.
    Requested,
    /// A worker makes it.
    Running,
    /// It is in the store.
    Completed,
    /// It will not come.
    Failed,
    /// Somebody or its schedule wants it gone.
    Deleted,
}

/// What came of reading a backup to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// It can be restored.
    pub ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was read.
    pub at: Timestamp,
}

/// The aggregate. `Default` is the state before `backup.requested`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// Present from `backup.requested` on.
    pub profile: Option<BackupProfile>,
}

/// A backup that somebody wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupProfile {
    /// Of what.
    pub request: RequestBackup,
    /// How far it has come.
    pub state: BackupState,
    /// How it was begun.
    pub begun: Option<Begun>,
    /// What it adds up to.
    pub sums: Option<Sums>,
    /// Why it failed.
    pub reason: Option<String>,
    /// Why it was deleted.
    pub deleted: Option<DeletedBy>,
    /// Nothing of it is left.
    pub removed: bool,
    /// Somebody waits to hear whether it is good.
    pub verifying: bool,
    /// What was last heard.
    pub verified: Option<Verified>,
    /// The last restore.
    pub restore: Option<Restore>,
}

impl BackupProfile {
    /// The restore that is not over.
    pub fn open_restore(&self) -> Option<&Restore> {
        self.restore.as_ref().filter(|restore| restore.is_open())
    }
}

impl Decide for Backup {
    type Command = BackupCommand;
    type Event = BackupEvent;
    type Refusal = BackupRefusal;

    fn decide(&self, command: BackupCommand) -> Result<Vec<BackupEvent>, BackupRefusal> {
        super::commands::decide(self, command)
    }

    fn evolve(&mut self, event: BackupEvent) {
        if let BackupEvent::Requested { request } = event {
            self.profile = Some(BackupProfile {
                request,
                state: BackupState::Requested,
                begun: None,
                sums: None,
                reason: None,
                deleted: None,
                removed: false,
                verifying: false,
                verified: None,
                restore: None,
            });
            return;
        }
        if let Some(profile) = &mut self.profile {
            profile.evolve(event);
        }
    }
}

impl BackupProfile {
    fn evolve(&mut self, event: BackupEvent) {
        match event {
            BackupEvent::Requested { .. } | BackupEvent::Downloaded { .. } => {}
            BackupEvent::Begun { begun } => {
                self.state = BackupState::Running;
                self.begun = Some(begun);
            }
            BackupEvent::Completed { sums } => {
                self.state = BackupState::Completed;
                self.sums = Some(sums);
            }
            BackupEvent::Failed { reason } => {
                self.state = BackupState::Failed;
                self.reason = Some(reason);
            }
            BackupEvent::Deleted { by, .. } => {
                self.state = BackupState::Deleted;
                self.deleted = Some(by);
            }
            BackupEvent::Removed {} => self.removed = true,
            BackupEvent::VerifyRequested {} => self.verifying = true,
            BackupEvent::Verified { verified } => {
                self.verifying = false;
                self.verified = Some(verified);
            }
            BackupEvent::RestoreRequested { wanted } => {
                self.restore = Some(Restore {
                    request: wanted,
                    state: RestoreState::Requested,
                    worker: None,
                    was_running: false,
                    restored: None,
                    reason: None,
                });
            }
            restoring => {
                if let Some(restore) = &mut self.restore {
                    restore.evolve(restoring);
                }
            }
        }
    }
}

impl Restore {
    fn evolve(&mut self, event: BackupEvent) {
        match event {
            BackupEvent::RestoreBegun { worker, was_running, .. } => {
                self.state = RestoreState::Running;
                self.worker = Some(worker);
                self.was_running = was_running;
            }
            BackupEvent::RestoreSwapped { restored, .. } => {
                self.state = RestoreState::Swapped;
                self.restored = Some(restored);
            }
            BackupEvent::RestoreCompleted { .. } => self.state = RestoreState::Completed,
            BackupEvent::RestoreFailed { reason, .. } => {
                self.state = RestoreState::Failed;
                self.reason = Some(reason);
            }
            _ => {}
        }
    }
}

crate::aggregate::impl_aggregate!(Backup, "backup");
