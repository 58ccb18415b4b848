//! Secrets as events may carry them: encrypted under a data key of the vault, or hashed.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// A secret, encrypted with AES-256-GCM under a data key that only the vault holds (wrapped).
///
/// Without the vault's row it is noise: deleting that row shreds the secret in all of history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedSecret {
    /// The data key's row in the vault.
    pub data_key_id: crate::DataKeyId,
    /// 96-bit nonce, in hex.
    pub nonce: String,
    /// Ciphertext with its tag, in hex.
    pub ciphertext: String,
}

/// SHA-256 of a random token of 256 bits. No salt or stretching: there is nothing to guess.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a token as its holder presents it.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({})", hex::encode(self.0))
    }
}

impl Serialize for TokenHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(&text, &mut bytes).map_err(serde::de::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// What a provider key's sealed secret is bound to: its additional data, so that it opens nowhere else.
pub fn bound_to_key(tenant: crate::TenantId, key: crate::KeyId) -> String {
    format!("{tenant}/provider_key/{key}")
}

/// What a bot's sealed gateway token is bound to.
pub fn bound_to_bot(tenant: crate::TenantId, bot: crate::BotId) -> String {
    format!("{tenant}/bot/{bot}")
}

/// What the sealed key of a host's client certificate is bound to. A host is of no tenant.
pub fn bound_to_host(host: crate::HostId) -> String {
    format!("host/{host}")
}

/// What the sealed key of a backup's archive is bound to; the archive's pieces are, too.
pub fn bound_to_backup(tenant: crate::TenantId, backup: crate::BackupId) -> String {
    format!("{tenant}/backup/{backup}")
}

#[cfg(test)]
mod tests;
