//! The bots' folders on their hosts, for the API.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use clawplane_api::{
    FieldError,
    ports::space::{
        BotSpace, ConfigInPlace, ConfigVerdict, Entry, EntryKind, Expected, Listing, Reading, SpaceError,
    },
};
use clawplane_domain::{BotId, openclaw::WorkspacePath, values::ImageRef};
use clawplane_workers::{
    Host, Hosts, RuntimeError,
    config_check::{self, Verdict},
    workspace::browse::{self, FileError},
};
use std::sync::Arc;

/// Over the machines that bots are placed on.
pub(in crate::platform) struct Space(pub(in crate::platform) Arc<dyn Hosts>);

impl Space {
    async fn host(&self, bot: BotId) -> Result<Arc<Host>, SpaceError> {
        self.0.of(bot).await.map_err(|error| away(&error))
    }
}

fn away(error: &RuntimeError) -> SpaceError {
    SpaceError::Unavailable(error.to_string())
}

fn refused(error: FileError) -> SpaceError {
    match error {
        FileError::Missing => SpaceError::Missing,
        FileError::Other { wanted } => SpaceError::Other(wanted),
        FileError::Changed => SpaceError::Changed,
        FileError::Io(error) => unusable(&error),
    }
}

fn unusable(error: &std::io::Error) -> SpaceError {
    tracing::warn!(%error, "a bot's folder cannot be used");
    SpaceError::Unavailable("the bot's folder cannot be used at the moment".to_owned())
}

fn entry(entry: browse::Entry) -> Entry {
    let kind = match entry.kind {
        browse::EntryKind::File => EntryKind::File,
        browse::EntryKind::Folder => EntryKind::Folder,
        browse::EntryKind::Link => EntryKind::Link,
        browse::EntryKind::Other => EntryKind::Other,
    };
    let modified = DateTime::<Utc>::from(entry.modified);
    Entry { name: entry.name, kind, size: entry.size, modified, etag: entry.etag }
}

fn expectation(expected: Expected) -> browse::Expected {
    match expected {
        Expected::Anything => browse::Expected::Anything,
        Expected::Nothing => browse::Expected::Nothing,
        Expected::Etag(etags) => browse::Expected::Etag(etags),
    }
}

#[async_trait]
impl BotSpace for Space {
    async fn config(&self, bot: BotId) -> Result<Option<ConfigInPlace>, SpaceError> {
        let read = self.host(bot).await?.workspaces.read_config(bot).await;
        let read = read.map_err(|error| unusable(&error))?;
        Ok(read.map(|(text, version)| ConfigInPlace { text, version }))
    }

    async fn check_config(
        &self,
        bot: BotId,
        image: &ImageRef,
        text: &str,
    ) -> Result<ConfigVerdict, SpaceError> {
        let host = match self.0.of(bot).await {
            Ok(host) => host,
            // A person can prepare a bot also while its host is away.
            Err(error) => return Ok(ConfigVerdict::Unknown(error.to_string())),
        };
        match config_check::check(&host, bot, image, text).await {
            Ok(Verdict::Valid) => Ok(ConfigVerdict::Valid),
            Ok(Verdict::Invalid(issues)) => {
                let field = |path: String| if path.is_empty() { "text".to_owned() } else { path };
                let errors =
                    issues.into_iter().map(|issue| FieldError::new(field(issue.path), issue.message));
                Ok(ConfigVerdict::Invalid(errors.collect()))
            }
            Ok(Verdict::Unknown(why)) => Ok(ConfigVerdict::Unknown(why.to_owned())),
            Err(RuntimeError::Unavailable { reason }) => {
                Ok(ConfigVerdict::Unknown(format!("the container engine is not available: {reason}")))
            }
            Err(error) => {
                Err(SpaceError::Unavailable(format!("the configuration cannot be checked now: {error}")))
            }
        }
    }

    async fn list(&self, bot: BotId, path: WorkspacePath) -> Result<Listing, SpaceError> {
        let found = self.host(bot).await?.workspaces.list(bot, path).await.map_err(refused)?;
        let entries = found.entries.into_iter().map(entry).collect();
        Ok(Listing { entries, incomplete: found.incomplete })
    }

    async fn read(&self, bot: BotId, path: WorkspacePath) -> Result<Reading, SpaceError> {
        let (about, file) = self.host(bot).await?.workspaces.open(bot, path).await.map_err(refused)?;
        let content = Box::pin(tokio::fs::File::from_std(file));
        Ok(Reading { entry: entry(about), content })
    }

    async fn expect(
        &self,
        bot: BotId,
        path: WorkspacePath,
        expected: Expected,
    ) -> Result<Option<Entry>, SpaceError> {
        let found = self.host(bot).await?.workspaces.expect(bot, path, expectation(expected)).await;
        Ok(found.map_err(refused)?.map(entry))
    }

    async fn write(
        &self,
        bot: BotId,
        path: WorkspacePath,
        content: Vec<u8>,
        expected: Expected,
    ) -> Result<Entry, SpaceError> {
        let written = self.host(bot).await?.workspaces.put(bot, path, content, expectation(expected)).await;
        written.map(entry).map_err(refused)
    }

    async fn remove(&self, bot: BotId, path: WorkspacePath, expected: Expected) -> Result<(), SpaceError> {
        let removed = self.host(bot).await?.workspaces.delete(bot, path, expectation(expected)).await;
        removed.map_err(refused)
    }
}
