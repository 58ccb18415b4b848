//! Bots' folders in memory.

use crate::app::Fakes;
use async_trait::async_trait;
use clawplane_api::ports::space::{
    BotSpace, ConfigInPlace, ConfigVerdict, Entry, EntryKind, Expected, Listing, Reading, SpaceError,
};
use clawplane_domain::{BotId, openclaw::WorkspacePath, values::ImageRef};
use std::{
    collections::BTreeMap,
    io::Cursor,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// One workspace for all bots, since a test has one.
#[derive(Default)]
pub(crate) struct FakeSpace {
    /// The configuration in the bot's folder.
    pub(crate) config: Mutex<Option<ConfigInPlace>>,
    /// What OpenClaw says; without it nobody can be asked.
    pub(crate) verdict: Mutex<Option<ConfigVerdict>>,
    /// The texts that it was asked about.
    pub(crate) asked: Mutex<Vec<String>>,
    /// Why the host cannot be asked, if it cannot.
    pub(crate) away: Mutex<Option<String>>,
    files: Mutex<BTreeMap<String, (Vec<u8>, u64)>>,
    changes: AtomicU64,
}

impl FakeSpace {
    fn here(&self) -> Result<(), SpaceError> {
        self.away.lock().unwrap().clone().map_or(Ok(()), |why| Err(SpaceError::Unavailable(why)))
    }

    fn found(&self, path: &WorkspacePath) -> Option<Entry> {
        let files = self.files.lock().unwrap();
        files.get(&path.to_string()).map(|(content, change)| Entry {
            name: path.split_last().unwrap().1.to_owned(),
            kind: EntryKind::File,
            size: content.len() as u64,
            modified: "2026-03-01T12:00:00Z".parse().unwrap(),
            etag: format!("e{change}"),
        })
    }

    fn held(&self, path: &WorkspacePath, expected: &Expected) -> Result<Option<Entry>, SpaceError> {
        self.here()?;
        let found = self.found(path);
        let holds = match (expected, &found) {
            (Expected::Anything, _) | (Expected::Nothing, None) => true,
            (Expected::Etag(etags), Some(found)) => etags.is_empty() || etags.contains(&found.etag),
            _ => false,
        };
        if holds { Ok(found) } else { Err(SpaceError::Changed) }
    }
}

#[async_trait]
impl BotSpace for Fakes {
    async fn config(&self, _: BotId) -> Result<Option<ConfigInPlace>, SpaceError> {
        self.space.here()?;
        Ok(self.space.config.lock().unwrap().clone())
    }

    async fn check_config(&self, _: BotId, _: &ImageRef, text: &str) -> Result<ConfigVerdict, SpaceError> {
        self.space.asked.lock().unwrap().push(text.to_owned());
        let verdict = self.space.verdict.lock().unwrap().clone();
        Ok(verdict.unwrap_or_else(|| ConfigVerdict::Unknown("there is no image".to_owned())))
    }

    async fn list(&self, _: BotId, path: WorkspacePath) -> Result<Listing, SpaceError> {
        self.space.here()?;
        let paths: Vec<String> = self.space.files.lock().unwrap().keys().cloned().collect();
        let inside = paths
            .iter()
            .filter(|found| found.rsplit_once('/').map_or("", |(folder, _)| folder) == path.to_string());
        let entries = inside.filter_map(|found| self.space.found(&found.parse().unwrap())).collect();
        Ok(Listing { entries, incomplete: false })
    }

    async fn read(&self, _: BotId, path: WorkspacePath) -> Result<Reading, SpaceError> {
        let entry = self.space.held(&path, &Expected::Anything)?.ok_or(SpaceError::Missing)?;
        let content = self.space.files.lock().unwrap()[&path.to_string()].0.clone();
        Ok(Reading { entry, content: Box::pin(Cursor::new(content)) })
    }

    async fn expect(
        &self,
        _: BotId,
        path: WorkspacePath,
        expected: Expected,
    ) -> Result<Option<Entry>, SpaceError> {
        self.space.held(&path, &expected)
    }

    async fn write(
        &self,
        _: BotId,
        path: WorkspacePath,
        content: Vec<u8>,
        expected: Expected,
    ) -> Result<Entry, SpaceError> {
        self.space.held(&path, &expected)?;
        let change = self.space.changes.fetch_add(1, Ordering::Relaxed) + 1;
        self.space.files.lock().unwrap().insert(path.to_string(), (content, change));
        Ok(self.space.found(&path).unwrap())
    }

    async fn remove(&self, _: BotId, path: WorkspacePath, expected: Expected) -> Result<(), SpaceError> {
        self.space.held(&path, &expected)?.ok_or(SpaceError::Missing)?;
        self.space.files.lock().unwrap().remove(&path.to_string());
        Ok(())
    }
}
