//! What can be asked of a backup, and what is decided.

use super::{
    Backup, BackupEvent, BackupProfile, BackupState, BeginRestore, DeletedBy, Form, RequestRestore, Restored,
    Verified, restore,
};
use crate::{
    BackupId, BatchId, BotId, RestoreId, ScheduleId, SealedSecret, TenantId, UserId,
    bot::{Access, BotProfile, Environment, Fallback, Features, Limits, ModelChoice},
    values::{Hostname, ImageRef, Label, Tag},
};
use serde::{Deserialize, Serialize};

/// Longest reason, in characters; what is longer is cut.
const MAX_REASON: usize = 500;

/// How a bot is brought to rest while its folder is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quiesce {
    /// Its processes are frozen, as by a power cut that takes nothing away.
    #[default]
    Pause,
    /// It is stopped and started again.
    Stop,
}

/// What a bot was made of: enough to make another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MadeOf {
    /// Its name for people.
    pub name: Label,
    /// Its own image, where it did not take the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRef>,
    /// Chooses provider keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// The models it could use.
    pub models: Vec<ModelChoice>,
    /// Its container's limits.
    pub limits: Limits,
    /// What it could reach through the proxy.
    #[serde(default)]
    pub access: Access,
    /// Vendors that stood in for others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<Fallback>,
    /// Its switches.
    #[serde(default, skip_serializing_if = "Features::is_empty")]
    pub features: Features,
    /// Its variables.
    #[serde(default, skip_serializing_if = "Environment::is_empty")]
    pub environment: Environment,
}

impl From<&BotProfile> for MadeOf {
    fn from(bot: &BotProfile) -> Self {
        Self {
            name: bot.name.clone(),
            image: bot.image.clone(),
            tags: bot.tags.clone(),
            models: bot.models.clone(),
            limits: bot.limits,
            access: bot.access.clone(),
            fallbacks: bot.fallbacks.clone(),
            features: bot.life.features.clone(),
            environment: bot.life.environment.clone(),
        }
    }
}

/// A backup that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestBackup {
    /// Its id, which also is its stream's.
    pub id: BackupId,
    /// Whose bot it is.
    pub tenant_id: TenantId,
    /// The bot.
    pub bot_id: BotId,
    /// The bot's name at that time.
    pub hostname: Hostname,
    /// What the bot was made of at that time.
    pub made_of: MadeOf,
    /// How the bot is brought to rest.
    pub quiesce: Quiesce,
    /// What was asked for at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<BatchId>,
    /// The rule that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<ScheduleId>,
    /// The person who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<UserId>,
}

/// How a backup was begun: what is needed to clear it away when it does not end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Begun {
    /// The process that makes it.
    pub worker: String,
    /// The store: `local`, or `s3:<bucket>`.
    pub store: String,
    /// Its name in the store.
    pub object: String,
    /// The upload in parts that the store was told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// The key of the archive, sealed.
    pub key: SealedSecret,
    /// Whether the bot ran and has to run again.
    pub was_running: bool,
}

/// What a complete backup adds up to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sums {
    /// Bytes of the object in the store.
    pub size: u64,
    /// SHA-256 of the object in the store, in hex.
    pub sha256: String,
    /// Bytes of the archive before it was encrypted.
    pub archive_size: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Files and folders.
    pub entries: u64,
    /// What was neither, and was left out.
    pub left_out: u64,
    /// SHA-256 of the manifest, in hex.
    pub manifest_sha256: String,
}

/// A command to one backup.
#[derive(Clone, Debug)]
pub enum BackupCommand {
    /// Make it.
    Request(Box<RequestBackup>),
    /// From the worker: it is being made.
    Begin(Box<Begun>),
    /// From the worker: it is in the store.
    Complete {
        /// Who made it.
        worker: String,
        /// What it adds up to.
        sums: Sums,
    },
    /// From the worker: it will not come.
    Fail {
        /// Why, for people.
        reason: String,
    },
    /// Remove it.
    Delete(DeletedBy),
    /// From the worker: nothing of it is left in the store.
    ConfirmRemoved,
    /// Somebody reads it.
    NoteDownload(Form),
    /// Read it all and compare.
    Verify,
    /// From the worker: what came of it.
    NoteVerified(Verified),
    /// Put it into a bot.
    RequestRestore(RequestRestore),
    /// From the worker: it is being restored.
    BeginRestore(BeginRestore),
    /// From the worker: the bot has the restored folder.
    NoteSwapped(RestoreId, Restored),
    /// From the worker: the bot goes on.
    CompleteRestore(RestoreId),
    /// From the worker: the bot is as it was.
    FailRestore(RestoreId, String),
}

/// Why a command to a backup was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupRefusal {
    /// `Request` on a stream that exists.
    #[error("the backup exists already")]
    Exists,
    /// Any other command where there is no backup, or a deleted one.
    #[error("there is no such backup")]
    Unknown,
    /// It is not complete.
    #[error("the backup is not complete")]
    NotComplete,
    /// It is being restored.
    #[error("the backup is being restored")]
    Busy,
    /// A worker reports about what is not its own any more.
    #[error("this is not what the worker works on")]
    NotYours,
    /// Nobody deleted it.
    #[error("the backup was not deleted")]
    NotDeleted,
}

/// A reason that can be stored and shown: it may quote what a store or an engine said.
pub(super) fn tidy(reason: &str) -> String {
    let fit = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    reason.chars().filter(fit).take(MAX_REASON).collect()
}

pub(super) fn decide(backup: &Backup, command: BackupCommand) -> Result<Vec<BackupEvent>, BackupRefusal> {
    use BackupCommand as C;
    let (now, command) = match (&backup.profile, command) {
        (None, C::Request(request)) => return Ok(vec![BackupEvent::Requested { request: *request }]),
        (Some(_), C::Request(_)) => return Err(BackupRefusal::Exists),
        (None, _) => return Err(BackupRefusal::Unknown),
        (Some(now), command) => (now, command),
    };
    match command {
        C::ConfirmRemoved => match now.state {
            BackupState::Deleted if now.removed => Ok(Vec::new()),
            BackupState::Deleted => Ok(vec![BackupEvent::Removed {}]),
            _ => Err(BackupRefusal::NotDeleted),
        },
        _ if now.state == BackupState::Deleted => Err(BackupRefusal::Unknown),
        C::Begin(begun) if now.state == BackupState::Requested => {
            Ok(vec![BackupEvent::Begun { begun: *begun }])
        }
        C::Begin(_) => Err(BackupRefusal::NotYours),
        C::Complete { worker, sums } => complete(now, &worker, sums),
        C::Fail { reason } => match now.state {
            BackupState::Requested | BackupState::Running => {
                Ok(vec![BackupEvent::Failed { reason: tidy(&reason) }])
            }
            _ => Ok(Vec::new()),
        },
        C::Delete(by) => delete(now, by),
        C::NoteDownload(form) => is_complete(now).map(|()| vec![BackupEvent::Downloaded { form }]),
        C::Verify if now.verifying => Ok(Vec::new()),
        C::Verify => is_complete(now).map(|()| vec![BackupEvent::VerifyRequested {}]),
        C::NoteVerified(verified) if now.verifying => {
            let reason = verified.reason.as_deref().map(tidy);
            Ok(vec![BackupEvent::Verified { verified: Verified { reason, ..verified } }])
        }
        C::NoteVerified(_) => Ok(Vec::new()),
        C::RequestRestore(wanted) => restore::request(now, wanted),
        C::BeginRestore(begin) => restore::begin(now, begin),
        C::NoteSwapped(id, restored) => restore::swapped(now, id, restored),
        C::CompleteRestore(id) => restore::complete(now, id),
        C::FailRestore(id, reason) => restore::fail(now, id, &reason),
        C::Request(_) => Err(BackupRefusal::Exists),
    }
}

pub(super) fn is_complete(now: &BackupProfile) -> Result<(), BackupRefusal> {
    match now.state {
        BackupState::Completed => Ok(()),
        _ => Err(BackupRefusal::NotComplete),
    }
}

fn complete(now: &BackupProfile, worker: &str, sums: Sums) -> Result<Vec<BackupEvent>, BackupRefusal> {
    let own = now.begun.as_ref().is_some_and(|begun| begun.worker == worker);
    match now.state {
        BackupState::Running if own => Ok(vec![BackupEvent::Completed { sums }]),
        _ => Err(BackupRefusal::NotYours),
    }
}

/// Its key goes with it: what is left in a store, or in a copy of one, is noise.
fn delete(now: &BackupProfile, by: DeletedBy) -> Result<Vec<BackupEvent>, BackupRefusal> {
    if now.open_restore().is_some() {
        return Err(BackupRefusal::Busy);
    }
    let data_key_id = now.begun.as_ref().map(|begun| begun.key.data_key_id);
    Ok(vec![BackupEvent::Deleted { by, data_key_id }])
}
