//! The platform's own secrets: the master key, which nothing may ever replace, and the key that signs
//! access tokens, whose loss only signs everybody out.

use super::{DevError, files};
use crate::config::MasterKey;
use clawplane_domain::clock::Ids;
use sha2::{Digest, Sha256};
use std::{fmt, fs, os::unix::fs::PermissionsExt, path::Path};
use zeroize::Zeroizing;

/// What the platform itself must keep from everybody.
#[derive(Clone)]
pub struct PlatformSecrets {
    /// Wraps the data keys of provider keys.
    pub master_key: MasterKey,
    /// Signs access tokens.
    pub signing_key: Zeroizing<[u8; 32]>,
}

impl PlatformSecrets {
    /// Reads both from `dir`, making what may be made: the signing key always, the master key only where
    /// there is nothing yet that another one could have encrypted (`cluster_exists`).
    ///
    /// `configured` is `BOT_MASTER_KEY`; it is used and not stored, and must not contradict a stored one.
    pub fn load(
        dir: &Path,
        configured: Option<&MasterKey>,
        cluster_exists: bool,
        ids: &dyn Ids,
    ) -> Result<Self, DevError> {
        files::ensure_dir(dir, 0o700)?;
        let path = dir.join("master.key");
        let master_key = match (read(&path)?, configured) {
            (Some(stored), Some(configured)) if stored.bytes() != configured.bytes() => {
                return Err(DevError::State(format!(
                    "BOT_MASTER_KEY is another key than the one in {}; unset it, or move the file away if the database \
                     belongs to BOT_MASTER_KEY",
                    path.display()
                )));
            }
            (_, Some(configured)) => configured.clone(),
            (Some(stored), None) => stored,
            (None, None) if cluster_exists => return Err(lost(&path)),
            (None, None) => make(&path, ids)?,
        };
        let path = dir.join("signing.key");
        let signing_key = match read(&path) {
            Ok(Some(stored)) => stored,
            Err(error @ DevError::File { .. }) => return Err(error),
            _ => make(&path, ids)?,
        };
        Ok(Self { master_key, signing_key: Zeroizing::new(*signing_key.bytes()) })
    }

    /// For processes that share nothing but the master key: every one comes to the same signing key.
    pub fn derived(master_key: MasterKey) -> Self {
        // Both parts have a fixed length, so that the plain hash is as good as an HMAC here.
        let digest = Sha256::new()
            .chain_update(b"clawplane token signing 1\0")
            .chain_update(master_key.bytes())
            .finalize();
        Self { signing_key: Zeroizing::new(digest.into()), master_key }
    }
}

impl fmt::Debug for PlatformSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlatformSecrets(***)")
    }
}

fn lost(path: &Path) -> DevError {
    DevError::State(format!(
        "the master key {} is missing, but there is a database whose provider keys it encrypted; put the file back, or \
         set BOT_MASTER_KEY to what it held. Only if those keys may be lost: start on a new data directory",
        path.display()
    ))
}

fn read(path: &Path) -> Result<Option<MasterKey>, DevError> {
    let Some(text) = files::read_small(path)?.map(Zeroizing::new) else {
        return Ok(None);
    };
    let key = MasterKey::parse(&text)
        .map_err(|fault| DevError::State(format!("{} {fault}; put the right file back", path.display())))?;
    // A copy from a backup may have come with another mode.
    if fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0) {
        super::error::file(
            "set the mode of",
            path,
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)),
        )?;
    }
    Ok(Some(key))
}

fn make(path: &Path, ids: &dyn Ids) -> Result<MasterKey, DevError> {
    let key = MasterKey::new(ids.random());
    let text = Zeroizing::new(format!("{}\n", key.to_hex().expose()));
    files::write_private(path, text.as_bytes(), None)?;
    Ok(key)
}

#[cfg(test)]
mod tests;
