//! What goes wrong with a backup, in words for people.

use crate::runtime::RuntimeError;
use clawplane_eventstore::{StoreError, VaultError};
use std::io;

/// Why a backup, a restore or a check did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The folder, or the way to it.
    #[error("the files: {0}")]
    Files(#[from] io::Error),
    /// What is in the archive is not what may be there.
    #[error("the archive is not good: {0}")]
    Archive(String),
    /// More than the limits allow.
    #[error("too large for a backup: {0}")]
    TooLarge(String),
    /// The store.
    #[error("the store: {0}")]
    Store(String),
    /// The container engine.
    #[error(transparent)]
    Engine(#[from] RuntimeError),
    /// The vault.
    #[error("the key of the archive: {0}")]
    Key(#[from] VaultError),
    /// The event database.
    #[error("the events: {0}")]
    Events(#[from] StoreError),
    /// A command was refused, or could not be stored.
    #[error("{0}")]
    Refused(String),
    /// Somebody wants it no more, or the platform stops.
    #[error("it was broken off: {0}")]
    Cancelled(String),
}

impl BackupError {
    /// About an archive.
    pub(crate) fn archive(why: impl Into<String>) -> Self {
        Self::Archive(why.into())
    }
}
