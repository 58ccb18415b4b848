//! A bot's configuration: which version it is at, and what is noted of files that people put into its workspace.

use super::{BotEvent, BotRefusal, state::BotProfile};
use crate::openclaw::{ConfigText, WorkspacePath};
use serde::{Deserialize, Serialize};

/// Most bytes that all versions of one bot's configuration may take in its stream, which is read with each command to
/// it. A configuration of 10 kB takes about 3 kB, so that is some five thousand versions.
pub const MAX_HISTORY: u64 = 16 * 1024 * 1024;

/// Where a version of a configuration came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConfigOrigin {
    /// Somebody wrote it.
    Saved,
    /// An earlier version, again.
    Restored {
        /// Which.
        version: u64,
    },
    /// The bot's own file was changed by OpenClaw or by hand, and somebody wanted to keep that.
    Adopted,
}

/// A new version of a bot's configuration.
#[derive(Clone, Debug)]
pub struct SetConfig {
    /// Its text, without secrets.
    pub text: ConfigText,
    /// The version that it follows; 0 is what the platform made. Of several who change the same one the first wins.
    pub follows: u64,
    /// Where it came from.
    pub origin: ConfigOrigin,
}

/// The present version of a bot's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigHead {
    /// From 1; 0 is what the platform made.
    pub version: u64,
    /// SHA-256 of its text in hexadecimal; empty for version 0.
    pub sha256: String,
    /// Bytes that all versions take in the stream.
    pub stored_bytes: u64,
}

impl ConfigHead {
    /// After another version.
    pub(super) fn then(&mut self, version: u64, sha256: String, text: &ConfigText) {
        self.version = version;
        self.sha256 = sha256;
        self.stored_bytes = self.stored_bytes.saturating_add(text.stored_bytes());
    }
}

/// What somebody did to a file of a bot's workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileChange {
    /// The file, relative to the workspace.
    pub path: String,
    /// What is written into it; `None` when it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<FileContent>,
}

/// What a file's content is known by. The content itself is the workspace's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileContent {
    /// How long it is.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

pub(super) fn set(bot: &BotProfile, new: SetConfig) -> Result<Vec<BotEvent>, BotRefusal> {
    let present = bot.config.version;
    if new.follows != present {
        return Err(BotRefusal::StaleConfig { present });
    }
    let sha256 = new.text.sha256();
    if present > 0 && sha256 == bot.config.sha256 {
        return Ok(Vec::new());
    }
    if bot.config.stored_bytes.saturating_add(new.text.stored_bytes()) > MAX_HISTORY {
        return Err(BotRefusal::ConfigHistoryFull);
    }
    let bytes = new.text.as_str().len() as u64;
    let (version, origin, config_text) = (present + 1, new.origin, new.text);
    Ok(vec![BotEvent::ConfigSet { version, origin, bytes, sha256, config_text }])
}

pub(super) fn note_file(change: FileChange) -> Result<Vec<BotEvent>, BotRefusal> {
    let path = change.path.parse::<WorkspacePath>();
    if path.ok().as_ref().and_then(WorkspacePath::split_last).is_none() {
        return Err(BotRefusal::BadPath);
    }
    Ok(vec![BotEvent::FileChangeRequested { change }])
}

#[cfg(test)]
mod tests;
