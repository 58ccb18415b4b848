//! What an archive says of itself: its last entry, `manifest.json`. Everything else in it is under `bot/`.

use clawplane_domain::{BackupId, BotId, TenantId, Timestamp, values::Hostname};
use serde::{Deserialize, Serialize};

/// Its name in the archive.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The folder of everything else.
pub(crate) const ROOT: &str = "bot";
/// Its form.
pub(crate) const VERSION: u32 = 1;
/// Most entries that are named as left out; the others are only counted.
pub(crate) const NAMED: usize = 1000;

/// Of what an archive is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// The backup.
    pub backup_id: BackupId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// The bot.
    pub bot_id: BotId,
    /// The bot's name.
    pub hostname: Hostname,
    /// When it was begun.
    pub made_at: Timestamp,
}

/// The manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Its form.
    pub version: u32,
    /// Of what it is.
    #[serde(flatten)]
    pub about: About,
    /// Bytes of all files.
    pub bytes: u64,
    /// Files and folders, in the archive's order.
    pub entries: Vec<Entry>,
    /// How many were neither.
    pub left_out: u64,
    /// The first of those.
    pub left_out_named: Vec<LeftOut>,
}

/// A file or a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Relative to the bot's folder.
    pub path: String,
    /// Its rights.
    pub mode: u32,
    /// When it was changed, in seconds since 1970.
    pub modified: u64,
    /// Of a file: its bytes and their SHA-256. A folder has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileSums>,
}

/// A file's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileSums {
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// Something that is not in the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// Relative to the bot's folder; what is no UTF-8 in it is replaced.
    pub path: String,
    /// Why.
    pub kind: String,
}
