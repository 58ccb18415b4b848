//! A backup as a client sees it.

use chrono::{DateTime, Utc};
use clawplane_domain::backup::{BackupState, Quiesce, Restore, RestoreState, Verified};
use clawplane_projections::BackupRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A backup.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Backup)]
pub(crate) struct BackupDto {
    /// Its id.
    pub(super) id: Uuid,
    /// The bot.
    bot_id: Uuid,
    /// The bot's name when the backup was asked for.
    #[schema(example = "support-bot")]
    hostname: String,
    /// `requested`, `running`, `completed` or `failed`.
    #[schema(value_type = String, example = "completed")]
    pub(super) state: BackupState,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// How the bot was brought to rest: `pause` or `stop`.
    #[schema(value_type = String, example = "pause")]
    quiesce: Quiesce,
    /// What it was asked for together with.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_id: Option<Uuid>,
    /// The schedule that asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule_id: Option<Uuid>,
    /// The user who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<Uuid>,
    /// When it was asked for.
    requested_at: DateTime<Utc>,
    /// When it was complete, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<DateTime<Utc>>,
    /// Once it is complete: what it adds up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    sums: Option<SumsDto>,
    /// It is being read and compared.
    verifying: bool,
    /// What came of that the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<VerifiedDto>,
    /// The last restore.
    #[serde(skip_serializing_if = "Option::is_none")]
    restore: Option<RestoreDto>,
}

/// What a backup adds up to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BackupSums)]
pub(crate) struct SumsDto {
    /// Bytes in the store.
    size: u64,
    /// SHA-256 of what is in the store.
    sha256: String,
    /// Bytes of the archive before it was encrypted.
    archive_size: u64,
    /// Bytes of the files.
    bytes: u64,
    /// Files and folders.
    entries: u64,
    /// Links, sockets and the like, which are left out; the manifest names them.
    left_out: u64,
    /// SHA-256 of the manifest.
    manifest_sha256: String,
}

/// What came of reading a backup.
#[derive(Serialize, ToSchema)]
#[schema(as = BackupVerification)]
pub(crate) struct VerifiedDto {
    /// It is good.
    ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When it was read.
    at: DateTime<Utc>,
}

/// A restore.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Restore)]
pub(crate) struct RestoreDto {
    /// Its id.
    id: Uuid,
    /// The bot that it goes into.
    bot_id: Uuid,
    /// That bot's name.
    hostname: String,
    /// `requested`, `running`, `swapped`, `completed` or `failed`.
    #[schema(value_type = String, example = "completed")]
    state: RestoreState,
    /// Why it failed. The bot is as it was then.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Files and folders.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<u64>,
    /// Bytes of the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

impl From<BackupRow> for BackupDto {
    fn from(row: BackupRow) -> Self {
        let backup = row.backup;
        let request = backup.request;
        Self {
            id: request.id.0,
            bot_id: request.bot_id.0,
            hostname: request.hostname.into(),
            state: backup.state,
            reason: backup.reason,
            quiesce: request.quiesce,
            batch_id: request.batch_id.map(|id| id.0),
            schedule_id: request.schedule_id.map(|id| id.0),
            requested_by: request.requested_by.map(|id| id.0),
            requested_at: row.requested_at,
            ended_at: row.ended_at,
            sums: backup.sums.map(|sums| SumsDto {
                size: sums.size,
                sha256: sums.sha256,
                archive_size: sums.archive_size,
                bytes: sums.bytes,
                entries: sums.entries,
                left_out: sums.left_out,
                manifest_sha256: sums.manifest_sha256,
            }),
            verifying: backup.verifying,
            verified: backup.verified.map(|Verified { ok, reason, at }| VerifiedDto { ok, reason, at }),
            restore: backup.restore.map(Into::into),
        }
    }
}

impl From<Restore> for RestoreDto {
    fn from(restore: Restore) -> Self {
        Self {
            id: restore.request.restore_id.0,
            bot_id: restore.request.into.0,
            hostname: restore.request.hostname.into(),
            state: restore.state,
            reason: restore.reason,
            entries: restore.restored.map(|restored| restored.entries),
            bytes: restore.restored.map(|restored| restored.bytes),
        }
    }
}
