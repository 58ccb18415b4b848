//! AES-256-GCM, twice: the secret under a data key, the data key under the master key.

use aes_gcm::{
    Aes256Gcm, Key, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use clawplane_domain::{SealedSecret, Secret};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

pub(super) const DATA_KEY_BYTES: usize = 32;
pub(super) const NONCE_BYTES: usize = 12;

/// The key that wraps the data keys: 32 bytes from outside, never stored in the database.
pub struct MasterKey {
    id: String,
    key: Zeroizing<[u8; DATA_KEY_BYTES]>,
}

impl MasterKey {
    /// Takes the key over. Its id is a hash of it, so that the same key always has the same id.
    pub fn new(key: [u8; DATA_KEY_BYTES]) -> Self {
        let key = Zeroizing::new(key);
        let mut hash = Sha256::new();
        hash.update(b"clawplane master key id");
        hash.update(key.as_slice());
        let id = hex::encode(&hash.finalize()[..8]);
        Self { id, key }
    }

    /// Its id, 16 hex digits, which tells nothing of the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn wrap(
        &self,
        data_key: &[u8; DATA_KEY_BYTES],
        nonce: &[u8; NONCE_BYTES],
        bound_to: &str,
    ) -> Option<Vec<u8>> {
        encrypt(&self.key, nonce, data_key, bound_to)
    }

    pub(super) fn unwrap(
        &self,
        wrapped: &[u8],
        nonce: &[u8; NONCE_BYTES],
        bound_to: &str,
    ) -> Option<Zeroizing<[u8; DATA_KEY_BYTES]>> {
        let plain = Zeroizing::new(decrypt(&self.key, nonce, wrapped, bound_to)?);
        let mut data_key = Zeroizing::new([0; DATA_KEY_BYTES]);
        (plain.len() == DATA_KEY_BYTES).then(|| data_key.copy_from_slice(&plain))?;
        Some(data_key)
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

fn cipher(key: &[u8; DATA_KEY_BYTES]) -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
}

pub(super) fn encrypt(
    key: &[u8; 32],
    nonce: &[u8; NONCE_BYTES],
    plain: &[u8],
    bound_to: &str,
) -> Option<Vec<u8>> {
    cipher(key).encrypt(&Nonce::from(*nonce), Payload { msg: plain, aad: bound_to.as_bytes() }).ok()
}

fn decrypt(key: &[u8; 32], nonce: &[u8; NONCE_BYTES], sealed: &[u8], bound_to: &str) -> Option<Vec<u8>> {
    cipher(key).decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: bound_to.as_bytes() }).ok()
}

pub(super) fn open(data_key: &[u8; 32], sealed: &SealedSecret, bound_to: &str) -> Option<Secret> {
    let mut nonce = [0; NONCE_BYTES];
    hex::decode_to_slice(&sealed.nonce, &mut nonce).ok()?;
    let ciphertext = hex::decode(&sealed.ciphertext).ok()?;
    match String::from_utf8(decrypt(data_key, &nonce, &ciphertext, bound_to)?) {
        Ok(plain) => Some(Secret::new(plain)),
        Err(error) => {
            error.into_bytes().zeroize();
            None
        }
    }
}
