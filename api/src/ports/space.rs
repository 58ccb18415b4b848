//! A bot's own folder on its host: the configuration as it stands there, and the files of its workspace.

use crate::FieldError;
use async_trait::async_trait;
use clawplane_domain::{BotId, Timestamp, openclaw::WorkspacePath, values::ImageRef};
use std::pin::Pin;
use tokio::io::AsyncRead;

/// Why a bot's folder did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpaceError {
    /// There is no such file, or a link is on the way to it.
    #[error("there is no such file")]
    Missing,
    /// Something else is there.
    #[error("it is not a {0}")]
    Other(&'static str),
    /// It is not as the client expects it to be.
    #[error("it was changed meanwhile")]
    Changed,
    /// The host or its engine cannot be asked now; why, for people.
    #[error("{0}")]
    Unavailable(String),
}

/// The bot's configuration as it stands in its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigInPlace {
    /// Its text, with placeholders for the gateway token and the proxy's address.
    pub text: String,
    /// The version that it was written from.
    pub version: u64,
}

/// What OpenClaw says of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigVerdict {
    /// It would run with it.
    Valid,
    /// It would not, and why.
    Invalid(Vec<FieldError>),
    /// Nobody could be asked; why, for people.
    Unknown(String),
}

/// What something in a workspace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link; nothing follows it.
    Link,
    /// A pipe, a socket, a device.
    Other,
}

/// What is known of something in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in its folder.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of a file.
    pub size: u64,
    /// When it was changed last.
    pub modified: Timestamp,
    /// Another one after each change.
    pub etag: String,
}

/// What is in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// By name, as many as are told at once.
    pub entries: Vec<Entry>,
    /// There are more than these.
    pub incomplete: bool,
}

/// A file that is being read.
pub struct Reading {
    /// What it is.
    pub entry: Entry,
    /// Its content; as long as `entry` says, unless somebody cuts it off meanwhile.
    pub content: Pin<Box<dyn AsyncRead + Send>>,
}

/// What a file has to be before it is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever it is.
    Anything,
    /// Not there.
    Nothing,
    /// There, with one of these etags; any, when empty.
    Etag(Vec<String>),
}

/// The folders of bots, on whatever host they are.
#[async_trait]
pub trait BotSpace: Send + Sync + 'static {
    /// The configuration in the bot's folder; `None` where there is none that can be read.
    async fn config(&self, bot: BotId) -> Result<Option<ConfigInPlace>, SpaceError>;
    /// Asks the bot's OpenClaw what it makes of a configuration; bounded in time.
    async fn check_config(
        &self,
        bot: BotId,
        image: &ImageRef,
        text: &str,
    ) -> Result<ConfigVerdict, SpaceError>;
    /// What is in a folder of the workspace.
    async fn list(&self, bot: BotId, path: WorkspacePath) -> Result<Listing, SpaceError>;
    /// Reads a file.
    async fn read(&self, bot: BotId, path: WorkspacePath) -> Result<Reading, SpaceError>;
    /// Whether a file is as expected; what it is, if it is there.
    async fn expect(
        &self,
        bot: BotId,
        path: WorkspacePath,
        expected: Expected,
    ) -> Result<Option<Entry>, SpaceError>;
    /// Writes a file whole.
    async fn write(
        &self,
        bot: BotId,
        path: WorkspacePath,
        content: Vec<u8>,
        expected: Expected,
    ) -> Result<Entry, SpaceError>;
    /// Removes a file.
    async fn remove(&self, bot: BotId, path: WorkspacePath, expected: Expected) -> Result<(), SpaceError>;
}
