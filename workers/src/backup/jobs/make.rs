//! A backup is made: what it will be is recorded first, then the bot rests, its folder is packed, it goes on, and the
//! archive goes to the store.

use super::BackupWorker;
use crate::{
    backup::{ArchiveKey, BackupError, Meter, Packed, manifest::About, pack, survey},
    hosts::Host,
};
use clawplane_domain::{
    BackupId, Secret, TenantId,
    backup::{BackupCommand, BackupProfile, Begun, Sums},
    sealed::bound_to_backup,
};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The name of a backup in the store.
fn object_of(backup: &BackupProfile) -> String {
    let request = &backup.request;
    format!("{}/{}.cpbk", request.tenant_id, request.id)
}

impl BackupWorker {
    /// Where an archive stands until it is in the store.
    pub(super) fn staging(&self, backup: BackupId) -> PathBuf {
        self.parts.config.staging.join(format!("{backup}.cpbk"))
    }

    pub(super) async fn make(&self, backup: &BackupProfile, meter: &Meter) -> Result<(), BackupError> {
        match self.prepare(backup, meter).await {
            Ok((host, begun, key)) => {
                let made = self.make_begun(backup, &host, &begun, key, meter).await;
                let Err(error) = made else { return Ok(()) };
                self.undo(&host, backup, &begun, &error.to_string()).await;
                Err(error)
            }
            Err(error) => {
                self.say(backup, BackupCommand::Fail { reason: error.to_string() }).await?;
                Err(error)
            }
        }
    }

    /// Everything that needs no rest, up to `backup.begun`.
    async fn prepare(
        &self,
        backup: &BackupProfile,
        meter: &Meter,
    ) -> Result<(Arc<Host>, Begun, ArchiveKey), BackupError> {
        let bot = backup.request.bot_id;
        let host = self.parts.hosts.of(bot).await?;
        let (counting, limits, counted) = (Arc::clone(&host), self.parts.config.limits, meter.clone());
        let total = blocking(move || match counting.workspaces.tree(bot)? {
            Some(tree) => survey(&tree, &limits, &counted),
            None => Err(BackupError::Refused("the bot has no folder: it was never started".to_owned())),
        })
        .await?;
        meter.stage("reading", total);
        let was_running = self.is_wanted(bot).await?;
        let (key, sealed) = self.new_key(backup).await?;
        let object = object_of(backup);
        let upload = match self.parts.store.announce(&object).await {
            Ok(upload) => upload,
            Err(error) => {
                self.parts.vault.shred(sealed.data_key_id).await?;
                return Err(error);
            }
        };
        let store = self.parts.store.name().to_owned();
        let begun = Begun { worker: self.me.clone(), store, object, upload, key: sealed, was_running };
        if let Err(error) = self.say(backup, BackupCommand::Begin(Box::new(begun.clone()))).await {
            self.remove_parts(backup.request.id, &begun).await?;
            return Err(error);
        }
        Ok((host, begun, key))
    }

    async fn new_key(
        &self,
        backup: &BackupProfile,
    ) -> Result<(ArchiveKey, clawplane_domain::SealedSecret), BackupError> {
        let bound_to = bound_to_backup(backup.request.tenant_id, backup.request.id);
        let key = self.parts.ids.random();
        let sealed = self.parts.vault.seal(&Secret::new(hex::encode(key)), &bound_to).await?;
        Ok((ArchiveKey::new(key, bound_to), sealed))
    }

    async fn make_begun(
        &self,
        backup: &BackupProfile,
        host: &Arc<Host>,
        begun: &Begun,
        key: ArchiveKey,
        meter: &Meter,
    ) -> Result<(), BackupError> {
        let staged = self.staging(backup.request.id);
        let packed = self.pack_at_rest(backup, host, begun, key, meter).await?;
        meter.stage("storing", packed.sealed.size);
        self.parts.store.put(&begun.object, begun.upload.as_deref(), &staged, meter).await?;
        remove_file(&staged).await?;
        let sums = Sums {
            size: packed.sealed.size,
            sha256: packed.sealed.sha256,
            archive_size: packed.sealed.plain,
            bytes: packed.bytes,
            entries: packed.entries,
            left_out: packed.left_out,
            manifest_sha256: packed.manifest_sha256,
        };
        metrics::counter!("clawplane_backup_bytes_total").increment(sums.size);
        self.say(backup, BackupCommand::Complete { worker: self.me.clone(), sums }).await?;
        metrics::counter!("clawplane_backups_total", "outcome" => "completed").increment(1);
        Ok(())
    }

    /// The bot goes on whatever comes of it.
    async fn pack_at_rest(
        &self,
        backup: &BackupProfile,
        host: &Arc<Host>,
        begun: &Begun,
        key: ArchiveKey,
        meter: &Meter,
    ) -> Result<Packed, BackupError> {
        let (request, config) = (&backup.request, &self.parts.config);
        let whose = (request.tenant_id, request.bot_id);
        let packing = async {
            self.rest(host, whose, request.quiesce, meter).await?;
            self.pack(backup, host, key, meter).await
        };
        let mut packing = std::pin::pin!(packing);
        let packed = tokio::select! {
            packed = &mut packing => packed,
            () = tokio::time::sleep(config.longest_rest) => {
                meter.cancel("the bot would have rested for too long");
                packing.await
            }
        };
        let awake = self.go_on(host, whose, request.quiesce, begun.was_running).await;
        let packed = packed?;
        awake.map(|()| packed)
    }

    async fn pack(
        &self,
        backup: &BackupProfile,
        host: &Arc<Host>,
        key: ArchiveKey,
        meter: &Meter,
    ) -> Result<Packed, BackupError> {
        let request = &backup.request;
        let about = About {
            backup_id: request.id,
            tenant_id: request.tenant_id,
            bot_id: request.bot_id,
            hostname: request.hostname.clone(),
            made_at: self.parts.clock.now(),
        };
        let mut nonce = [0; 7];
        nonce.copy_from_slice(&self.parts.ids.random()[..7]);
        let (host, limits, meter) = (Arc::clone(host), self.parts.config.limits, meter.clone());
        let staged = self.staging(request.id);
        blocking(move || {
            let tree = host.workspaces.tree(about.bot_id)?;
            let tree = tree.ok_or_else(|| BackupError::Refused("the bot's folder is gone".to_owned()))?;
            let file = io::BufWriter::with_capacity(1 << 20, private_file(&staged)?);
            let (file, packed) = pack(&tree, about, file, (key, nonce), &limits, &meter)?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            Ok(packed)
        })
        .await
    }

    /// Clears a backup away that was begun and did not come to its end, and says why.
    pub(super) async fn undo(&self, host: &Host, backup: &BackupProfile, begun: &Begun, reason: &str) {
        let request = &backup.request;
        let whose: (TenantId, _) = (request.tenant_id, request.bot_id);
        if let Err(error) = self.go_on(host, whose, request.quiesce, begun.was_running).await {
            tracing::warn!(backup = %request.id, %error, "a bot cannot be let go on");
        }
        if let Err(error) = self.remove_parts(request.id, begun).await {
            tracing::warn!(backup = %request.id, %error, "parts of a backup cannot be removed");
        }
        metrics::counter!("clawplane_backups_total", "outcome" => "failed").increment(1);
        let failed = BackupCommand::Fail { reason: reason.to_owned() };
        if let Err(error) = self.say(backup, failed).await {
            tracing::warn!(backup = %request.id, %error, "the end of a backup cannot be recorded");
        }
    }

    /// Staged file, object, upload and key.
    pub(super) async fn remove_parts(&self, id: BackupId, begun: &Begun) -> Result<(), BackupError> {
        remove_file(&self.staging(id)).await?;
        self.parts.vault.shred(begun.key.data_key_id).await?;
        if begun.store == self.parts.store.name() {
            self.parts.store.remove(&begun.object, begun.upload.as_deref()).await?;
        }
        Ok(())
    }
}

/// A new file that only the platform can read.
fn private_file(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

async fn remove_file(path: &Path) -> Result<(), BackupError> {
    match tokio::fs::remove_file(path).await {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| BackupError::Files(io::Error::other(error)))?
}
