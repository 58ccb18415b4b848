//! How the API gets at archives, which only the workers know how to read.

use async_trait::async_trait;
use bytes::Bytes;
use clawplane_domain::backup::{BackupProfile, Form};
use futures::stream::BoxStream;
use std::io;

/// An archive on its way to a client.
pub struct Archive {
    /// Its bytes in all.
    pub size: u64,
    /// Its bytes. What is not genuine ends it with an error.
    pub stream: BoxStream<'static, io::Result<Bytes>>,
}

/// Reads the archives of backups.
#[async_trait]
pub trait BackupArchives: Send + Sync + 'static {
    /// Opens a complete backup. `Err` says for people why it cannot be read now.
    async fn open(&self, backup: &BackupProfile, form: Form) -> Result<Archive, String>;
}
