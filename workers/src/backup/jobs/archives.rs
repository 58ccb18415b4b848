//! Archives as they are read: to be checked, restored or handed out.

use super::{BackupWorker, make::blocking};
use crate::backup::{
    ArchiveKey, ArchiveLimits, BackupError, BackupStore, Meter, Nowhere, OpenReader, Target, Unpacked, unpack,
};
use bytes::Bytes;
use clawplane_domain::{
    backup::{BackupCommand, BackupProfile, Begun, Form, Sums, Verified},
    sealed::bound_to_backup,
};
use clawplane_eventstore::Vault;
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use std::{
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::mpsc;

/// Pieces that wait for a client.
const WAITING: usize = 4;
const PIECE: usize = 64 * 1024;

/// The way to archives.
#[derive(Clone)]
pub struct Archives {
    /// Where they are.
    pub store: Arc<dyn BackupStore>,
    /// Their keys.
    pub vault: Vault,
}

/// What is needed to read one.
struct Source {
    object: Box<dyn Read + Send>,
    key: ArchiveKey,
    sums: Sums,
}

impl Archives {
    async fn source(&self, backup: &BackupProfile) -> Result<Source, BackupError> {
        let (begun, sums) = self.complete(backup)?;
        let bound_to = bound_to_backup(backup.request.tenant_id, backup.request.id);
        let secret = self.vault.open(&begun.key, &bound_to).await?;
        let mut key = zeroize::Zeroizing::new([0; 32]);
        hex::decode_to_slice(secret.expose(), key.as_mut_slice())
            .map_err(|_| BackupError::archive("its key is none"))?;
        let object = self.store.read(&begun.object).await?;
        Ok(Source { object, key: ArchiveKey::new(*key, bound_to), sums: sums.clone() })
    }

    fn complete<'b>(&self, backup: &'b BackupProfile) -> Result<(&'b Begun, &'b Sums), BackupError> {
        let found = backup.begun.as_ref().zip(backup.sums.as_ref());
        let (begun, sums) = found.ok_or_else(|| BackupError::Refused("it is not complete".to_owned()))?;
        if begun.store != self.store.name() {
            let why = format!("it is in the store `{}`, which is not configured here", begun.store);
            return Err(BackupError::Store(why));
        }
        Ok((begun, sums))
    }

    /// Reads a backup as the store has it, or the archive in it. What is not genuine ends the stream with an error.
    pub async fn download(
        &self,
        backup: &BackupProfile,
        form: Form,
    ) -> Result<(u64, impl Stream<Item = io::Result<Bytes>> + Send + use<>), BackupError> {
        let source = self.source(backup).await?;
        let (size, mut reader): (u64, Box<dyn Read + Send>) = match form {
            Form::Sealed => (source.sums.size, source.object),
            Form::Plain => {
                let key = source.key;
                let object = source.object;
                let opened = blocking(move || Ok(OpenReader::new(object, key)?)).await?;
                (source.sums.archive_size, Box::new(opened))
            }
        };
        let (pieces, receiver) = mpsc::channel(WAITING);
        tokio::task::spawn_blocking(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = reader.read(&mut piece);
                let over = !matches!(read, Ok(1..));
                let piece = read.map(|length| {
                    piece.truncate(length);
                    Bytes::from(piece)
                });
                // A client that went away ends it.
                if matches!(&piece, Ok(bytes) if bytes.is_empty())
                    || pieces.blocking_send(piece).is_err()
                    || over
                {
                    return;
                }
            }
        });
        let stream = futures::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|piece| (piece, receiver))
        });
        Ok((size, stream.boxed()))
    }

    /// Reads an archive to its end into `target`, and compares everything that is known of it.
    pub(super) async fn unpack<T: Target + Send + 'static>(
        &self,
        backup: &BackupProfile,
        mut target: T,
        limits: ArchiveLimits,
        meter: &Meter,
    ) -> Result<(T, Unpacked), BackupError> {
        let Source { object, key, sums } = self.source(backup).await?;
        let (meter, about) = (meter.clone(), backup.request.clone());
        blocking(move || {
            let hash = Arc::new(Mutex::new((Sha256::new(), 0_u64)));
            let mut opened = OpenReader::new(Hashing { inner: object, hash: Arc::clone(&hash) }, key)?;
            let unpacked = unpack(&mut opened, sums.archive_size, &mut target, &limits, &meter)?;
            // To its very end, which is where a piece that was cut off is noticed.
            if io::copy(&mut opened.take(1), &mut io::sink())? > 0 {
                return Err(BackupError::archive("something follows its end"));
            }
            let (hash, size) = std::mem::take(&mut *hash.lock().unwrap_or_else(PoisonError::into_inner));
            let of = &unpacked.manifest.about;
            let same = unpacked.manifest_sha256 == sums.manifest_sha256
                && (hex::encode(hash.finalize()), size) == (sums.sha256, sums.size)
                && (of.backup_id, of.tenant_id, of.bot_id) == (about.id, about.tenant_id, about.bot_id);
            match same {
                true => Ok((target, unpacked)),
                false => Err(BackupError::archive("it is not the one that was made")),
            }
        })
        .await
    }
}

impl BackupWorker {
    pub(super) fn archives(&self) -> Archives {
        let parts = &self.parts;
        Archives { store: Arc::clone(&parts.store), vault: parts.vault.clone() }
    }

    pub(super) async fn check(&self, backup: &BackupProfile, meter: &Meter) -> Result<(), BackupError> {
        meter.stage("verifying", backup.sums.as_ref().map_or(0, |sums| sums.bytes));
        let read = self.archives().unpack(backup, Nowhere, self.parts.config.limits, meter).await;
        if let Err(error @ BackupError::Cancelled(_)) = read {
            // The next process does it.
            return Err(error);
        }
        let reason = read.err().map(|error| error.to_string());
        let verified = Verified { ok: reason.is_none(), reason, at: self.parts.clock.now() };
        self.say(backup, BackupCommand::NoteVerified(verified)).await
    }
}

/// Hashes an object while it is read.
struct Hashing<R> {
    inner: R,
    hash: Arc<Mutex<(Sha256, u64)>>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        let mut sums = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        sums.0.update(&out[..read]);
        sums.1 += read as u64;
        Ok(read)
    }
}
