//! A bucket that speaks S3, by `object_store`: the crate of the Arrow project, which signs, retries and uploads in parts.
//!
//! An upload in parts is announced before anything is sent, and its name goes into `backup.begun`: so what a crash left
//! of it can be given up, where the store would keep (and charge for) it.

use super::{BackupStore, http::OwnHttp};
use crate::backup::{BackupError, meter::Meter};
use async_trait::async_trait;
use bytes::Bytes;
use clawplane_domain::Secret;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{
    ObjectStoreExt,
    aws::{AmazonS3, AmazonS3Builder},
    multipart::MultipartStore,
    path::Path as ObjectPath,
};
use std::{io::Read, path::Path, sync::Arc};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};
use tokio_util::io::{StreamReader, SyncIoBridge};

/// Parts that are sent at the same time.
const AT_ONCE: usize = 4;
/// Bytes of a part, at least: S3 takes 5 MiB or more, and at most 10,000 of them.
const PART: u64 = 8 << 20;
const MOST_PARTS: u64 = 9_000;

/// How to reach a bucket.
#[derive(Clone, Debug)]
pub struct S3Config {
    /// Its name.
    pub bucket: String,
    /// What the objects' names begin with; empty, or without a slash at its ends.
    pub prefix: String,
    /// The server, where it is not Amazon's.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The id of the access key.
    pub access_key_id: String,
    /// The access key.
    pub secret_access_key: Secret,
}

/// Objects in a bucket.
#[derive(Clone, Debug)]
pub struct S3Store {
    client: Arc<AmazonS3>,
    prefix: String,
    name: String,
}

impl S3Store {
    /// Does not connect yet.
    pub fn new(config: &S3Config) -> Result<Self, BackupError> {
        let mut builder = AmazonS3Builder::new()
            .with_http_connector(OwnHttp)
            .with_bucket_name(&config.bucket)
            .with_region(&config.region)
            .with_access_key_id(&config.access_key_id)
            .with_secret_access_key(config.secret_access_key.expose());
        if let Some(endpoint) = &config.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        let client = Arc::new(builder.build().map_err(fault)?);
        Ok(Self { client, prefix: config.prefix.clone(), name: format!("s3:{}", config.bucket) })
    }

    fn path(&self, object: &str) -> ObjectPath {
        match self.prefix.as_str() {
            "" => ObjectPath::from(object),
            prefix => ObjectPath::from(format!("{prefix}/{object}")),
        }
    }
}

#[async_trait]
impl BackupStore for S3Store {
    fn name(&self) -> &str {
        &self.name
    }

    async fn announce(&self, object: &str) -> Result<Option<String>, BackupError> {
        self.client.create_multipart(&self.path(object)).await.map(Some).map_err(fault)
    }

    async fn put(
        &self,
        object: &str,
        upload: Option<&str>,
        file: &Path,
        meter: &Meter,
    ) -> Result<(), BackupError> {
        let upload = upload.ok_or_else(|| BackupError::Store("the upload was not announced".to_owned()))?;
        let (path, upload) = (self.path(object), upload.to_owned());
        let size = tokio::fs::metadata(file).await?.len();
        let part = PART.max(size.div_ceil(MOST_PARTS));
        let count = size.div_ceil(part).max(1);
        let sending = stream::iter(0..count).map(|number| {
            let (path, upload) = (&path, &upload);
            async move {
                let bytes = slice(file, number * part, part).await?;
                let length = bytes.len() as u64;
                let index = usize::try_from(number).unwrap_or(usize::MAX);
                let sent = self.client.put_part(path, upload, index, bytes.into()).await.map_err(fault)?;
                meter.add(length)?;
                Ok::<_, BackupError>(sent)
            }
        });
        let parts = sending.buffered(AT_ONCE).try_collect().await?;
        self.client.complete_multipart(&path, &upload, parts).await.map_err(fault)?;
        Ok(())
    }

    async fn read(&self, object: &str) -> Result<Box<dyn Read + Send>, BackupError> {
        let found = self.client.get(&self.path(object)).await.map_err(fault)?;
        let stream = found.into_stream().map_err(std::io::Error::other);
        Ok(Box::new(SyncIoBridge::new(Box::pin(StreamReader::new(stream)))))
    }

    async fn remove(&self, object: &str, upload: Option<&str>) -> Result<(), BackupError> {
        let path = self.path(object);
        if let Some(upload) = upload {
            match self.client.abort_multipart(&path, &upload.to_owned()).await {
                Ok(()) => {}
                // It was completed, or given up before; servers say so in different ways.
                Err(error) => tracing::debug!(object, %error, "an upload cannot be given up"),
            }
        }
        match self.client.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(fault(error)),
        }
    }
}

async fn slice(file: &Path, from: u64, most: u64) -> Result<Bytes, BackupError> {
    let mut file = File::open(file).await?;
    file.seek(std::io::SeekFrom::Start(from)).await?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).await?;
    Ok(bytes.into())
}

fn fault(error: object_store::Error) -> BackupError {
    match error {
        object_store::Error::NotFound { .. } => BackupError::Store("the object is gone".to_owned()),
        error => BackupError::Store(error.to_string()),
    }
}
