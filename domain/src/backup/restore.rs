//! The use of a backup: into the bot that it is of, or into a new one.
//!
//! The bot's folder is swapped in one step. A restore that breaks off before it has changed nothing, one that breaks off
//! after it only has to start the bot: so what a bot has written since is never taken away.

use super::{BackupEvent, BackupProfile, BackupRefusal, commands};
use crate::{BotId, RestoreId, UserId, values::Hostname};
use serde::{Deserialize, Serialize};

/// A restore that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRestore {
    /// Its id.
    pub restore_id: RestoreId,
    /// The bot whose folder is replaced.
    pub into: BotId,
    /// That bot's name.
    pub hostname: Hostname,
    /// Whether the bot shall run afterwards in any case; else it does if it did before.
    #[serde(default)]
    pub start: bool,
    /// Who wants it.
    pub requested_by: UserId,
}

/// A worker begins a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeginRestore {
    /// Which.
    pub restore_id: RestoreId,
    /// The process that does it.
    pub worker: String,
    /// Whether the bot runs now.
    pub was_running: bool,
}

/// What was restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// Files and folders.
    pub entries: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

/// How far a restore has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RestoreState {
    /// Nobody has begun.
    Requested,
    /// A worker unpacks it.
    Running,
    /// The bot has the restored folder; it is not back yet.
    Swapped,
    /// Done.
    Completed,
    /// The bot is as it was.
    Failed,
}

/// The last restore of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restore {
    /// What was wanted.
    pub request: RequestRestore,
    /// How far it is.
    pub state: RestoreState,
    /// The process that does it.
    #[serde(default)]
    pub worker: Option<String>,
    /// Whether the bot has to run again.
    #[serde(default)]
    pub was_running: bool,
    /// What was restored.
    #[serde(default)]
    pub restored: Option<Restored>,
    /// Why it failed.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Restore {
    /// Whether somebody has yet to do something for it.
    pub fn is_open(&self) -> bool {
        matches!(self.state, RestoreState::Requested | RestoreState::Running | RestoreState::Swapped)
    }
}

type Decided = Result<Vec<BackupEvent>, BackupRefusal>;

pub(super) fn request(now: &BackupProfile, wanted: RequestRestore) -> Decided {
    commands::is_complete(now)?;
    match now.open_restore() {
        Some(_) => Err(BackupRefusal::Busy),
        None => Ok(vec![BackupEvent::RestoreRequested { wanted }]),
    }
}

fn open(now: &BackupProfile, id: RestoreId) -> Result<&Restore, BackupRefusal> {
    let open = now.open_restore().filter(|open| open.request.restore_id == id);
    open.ok_or(BackupRefusal::NotYours)
}

pub(super) fn begin(now: &BackupProfile, begin: BeginRestore) -> Decided {
    let BeginRestore { restore_id, worker, was_running } = begin;
    match open(now, restore_id)?.state {
        RestoreState::Requested => Ok(vec![BackupEvent::RestoreBegun { restore_id, worker, was_running }]),
        _ => Err(BackupRefusal::NotYours),
    }
}

pub(super) fn swapped(now: &BackupProfile, restore_id: RestoreId, restored: Restored) -> Decided {
    match open(now, restore_id)?.state {
        RestoreState::Running => Ok(vec![BackupEvent::RestoreSwapped { restore_id, restored }]),
        RestoreState::Swapped => Ok(Vec::new()),
        _ => Err(BackupRefusal::NotYours),
    }
}

pub(super) fn complete(now: &BackupProfile, restore_id: RestoreId) -> Decided {
    match open(now, restore_id)?.state {
        RestoreState::Swapped => Ok(vec![BackupEvent::RestoreCompleted { restore_id }]),
        _ => Err(BackupRefusal::NotYours),
    }
}

pub(super) fn fail(now: &BackupProfile, restore_id: RestoreId, reason: &str) -> Decided {
    match open(now, restore_id)?.state {
        RestoreState::Requested | RestoreState::Running => {
            Ok(vec![BackupEvent::RestoreFailed { restore_id, reason: commands::tidy(reason) }])
        }
        _ => Err(BackupRefusal::NotYours),
    }
}
