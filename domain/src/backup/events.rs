//! What happens to a backup.

use super::{Begun, RequestBackup, RequestRestore, Restored, Sums, Verified};
use crate::{DataKeyId, RestoreId, claim::Claims};
use serde::{Deserialize, Serialize};

/// Why a backup was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeletedBy {
    /// Somebody wanted it.
    Person,
    /// Its schedule keeps no more.
    Retention,
}

/// The form in which a backup is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The archive itself.
    Plain,
    /// The object as the store has it, encrypted.
    Sealed,
}

/// An event of a backup's stream (`backup`, the backup's id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum BackupEvent {
    /// It is wanted.
    #[serde(rename = "backup.requested")]
    Requested {
        /// Of what.
        #[serde(flatten)]
        request: RequestBackup,
    },
    /// A worker makes it.
    #[serde(rename = "backup.begun")]
    Begun {
        /// Who, and where.
        #[serde(flatten)]
        begun: Begun,
    },
    /// It is in the store.
    #[serde(rename = "backup.completed")]
    Completed {
        /// What it adds up to.
        #[serde(flatten)]
        sums: Sums,
    },
    /// It will not come.
    #[serde(rename = "backup.failed")]
    Failed {
        /// Why, for people.
        reason: String,
    },
    /// It shall be gone, and its key is destroyed.
    #[serde(rename = "backup.deleted")]
    Deleted {
        /// Why.
        by: DeletedBy,
        /// The key that is destroyed, where there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data_key_id: Option<DataKeyId>,
    },
    /// Nothing of it is left in the store.
    #[serde(rename = "backup.removed")]
    Removed {},
    /// Somebody read it.
    #[serde(rename = "backup.downloaded")]
    Downloaded {
        /// In which form.
        form: Form,
    },
    /// Somebody wants to know whether it is good.
    #[serde(rename = "backup.verify_requested")]
    VerifyRequested {},
    /// It was read to its end and compared.
    #[serde(rename = "backup.verified")]
    Verified {
        /// What came of it.
        #[serde(flatten)]
        verified: Verified,
    },
    /// It shall replace the folder of a bot.
    #[serde(rename = "backup.restore_requested")]
    RestoreRequested {
        /// Which.
        #[serde(flatten)]
        wanted: RequestRestore,
    },
    /// A worker unpacks it.
    #[serde(rename = "backup.restore_begun")]
    RestoreBegun {
        /// Which restore.
        restore_id: RestoreId,
        /// The process that does it.
        worker: String,
        /// Whether the bot ran and has to run again.
        was_running: bool,
    },
    /// The bot has the restored folder.
    #[serde(rename = "backup.restore_swapped")]
    RestoreSwapped {
        /// Which restore.
        restore_id: RestoreId,
        /// What is in it.
        #[serde(flatten)]
        restored: Restored,
    },
    /// The bot goes on from there.
    #[serde(rename = "backup.restore_completed")]
    RestoreCompleted {
        /// Which restore.
        restore_id: RestoreId,
    },
    /// The bot is as it was.
    #[serde(rename = "backup.restore_failed")]
    RestoreFailed {
        /// Which restore.
        restore_id: RestoreId,
        /// Why, for people.
        reason: String,
    },
}

crate::aggregate::impl_event!(BackupEvent {
    Requested => "backup.requested" @ "1",
    Begun => "backup.begun" @ "1",
    Completed => "backup.completed" @ "1",
    Failed => "backup.failed" @ "1",
    Deleted => "backup.deleted" @ "1",
    Removed => "backup.removed" @ "1",
    Downloaded => "backup.downloaded" @ "1",
    VerifyRequested => "backup.verify_requested" @ "1",
    Verified => "backup.verified" @ "1",
    RestoreRequested => "backup.restore_requested" @ "1",
    RestoreBegun => "backup.restore_begun" @ "1",
    RestoreSwapped => "backup.restore_swapped" @ "1",
    RestoreCompleted => "backup.restore_completed" @ "1",
    RestoreFailed => "backup.restore_failed" @ "1",
});

impl Claims for BackupEvent {}
