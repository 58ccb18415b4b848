//! Where backups are kept: a folder of this machine, or a bucket that speaks S3.
//!
//! An object is visible whole or not at all. It is made from a finished file, so that a bot rests only as long as its
//! folder is read, however slow the way to the store is.

mod http;
mod local;
mod s3;

use super::{BackupError, meter::Meter};
use async_trait::async_trait;
pub use local::LocalStore;
pub use s3::{S3Config, S3Store};
use std::{io::Read, path::Path};

/// A store of objects.
#[async_trait]
pub trait BackupStore: Send + Sync + 'static {
    /// `local`, or `s3:<bucket>`: an object of another store is not looked for here.
    fn name(&self) -> &str;
    /// Announces an object; gives what the store calls its upload, if it does.
    async fn announce(&self, object: &str) -> Result<Option<String>, BackupError>;
    /// Makes an announced object of a finished file, which may be used up.
    async fn put(
        &self,
        object: &str,
        upload: Option<&str>,
        file: &Path,
        meter: &Meter,
    ) -> Result<(), BackupError>;
    /// Reads an object; to be used where blocking is allowed.
    async fn read(&self, object: &str) -> Result<Box<dyn Read + Send>, BackupError>;
    /// Removes an object, and what there is of an upload. Nothing to remove is a success.
    async fn remove(&self, object: &str, upload: Option<&str>) -> Result<(), BackupError>;
}
