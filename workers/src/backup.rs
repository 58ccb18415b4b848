//! Backups of bots: made from a folder that rests, encrypted, kept in a store, put back in one step.
//!
//! `pack` and `unpack` know the archive, `seal` its encryption, `store` where it is kept; `jobs` do what the read model
//! says is wanted, in one process at a time.

mod error;
mod jobs;
mod limits;
pub mod manifest;
mod meter;
mod pack;
mod redact;
mod seal;
mod store;
mod tree;
mod unpack;

pub use error::BackupError;
pub use jobs::{Archives, BackedBot, BackupConfig, BackupParts, BackupWorker, WantedBackups};
pub use limits::ArchiveLimits;
pub use meter::Meter;
pub use pack::{Packed, pack, survey};
pub use seal::{ArchiveKey, OpenReader, SealWriter, Sealed};
pub use store::{BackupStore, LocalStore, S3Config, S3Store};
pub use tree::{FileAt, Found, Tree};
pub use unpack::{Nowhere, Target, Unpacked, unpack};
