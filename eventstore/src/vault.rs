//! The vault: seals secrets under data keys, and keeps the data keys wrapped by a master key.
//!
//! A sealed secret may stand in an event for ever; whoever deletes its data key shreds it in all of history.

mod envelope;
mod gateway;

use clawplane_domain::{DataKeyId, SealedSecret, Secret, clock::Ids};
pub use envelope::MasterKey;
use envelope::{DATA_KEY_BYTES, NONCE_BYTES};
use sqlx::{PgPool, Row};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What can go wrong with the vault. No variant says anything of a secret.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The data key was destroyed: the secret is gone for ever, as its owner wanted.
    #[error("the secret was shredded")]
    Shredded,
    /// The data key is wrapped by a master key that this process does not have.
    #[error("the data key {id} is wrapped by master key {wanted}, but this process has {present}")]
    WrongMasterKey {
        /// The data key.
        id: DataKeyId,
        /// The id of the master key it needs.
        wanted: String,
        /// The id of the one that is here.
        present: String,
    },
    /// A ciphertext that was changed, or does not belong where it was found.
    #[error("a sealed secret does not open: it was changed or moved")]
    Forged,
    /// Postgres or the way to it.
    #[error("the vault's database failed")]
    Database(#[from] sqlx::Error),
}

/// Seals and opens secrets.
#[derive(Clone)]
pub struct Vault {
    pool: PgPool,
    master: Arc<MasterKey>,
    ids: Arc<dyn Ids>,
}

impl Vault {
    /// Over the event database, with the master key that wraps its data keys.
    pub fn new(pool: PgPool, master: MasterKey, ids: Arc<dyn Ids>) -> Self {
        Self { pool, master: Arc::new(master), ids }
    }

    /// Fails when the vault holds data keys that the master key cannot unwrap: for the start, before anything is
    /// sealed under a wrong key.
    pub async fn check(&self) -> Result<(), VaultError> {
        let row = sqlx::query("SELECT id, master_key_id FROM data_keys WHERE master_key_id <> $1 LIMIT 1")
            .bind(self.master.id())
            .fetch_optional(&self.pool)
            .await?;
        match row {
            Some(row) => Err(self.wrong_master(DataKeyId(row.get(0)), row.get(1))),
            None => Ok(()),
        }
    }

    /// Seals `secret` under a new data key, whose row is stored before this returns.
    ///
    /// `bound_to` says where the secret belongs (tenant and thing); it opens nowhere else.
    pub async fn seal(&self, secret: &Secret, bound_to: &str) -> Result<SealedSecret, VaultError> {
        let id = DataKeyId(self.ids.uuid());
        let data_key = Zeroizing::new(self.ids.random());
        let (wrap_nonce, nonce) = (self.nonce(), self.nonce());
        let wrapped = self.master.wrap(&data_key, &wrap_nonce, &id.to_string()).ok_or(VaultError::Forged)?;
        let plain = secret.expose().as_bytes();
        let ciphertext = envelope::encrypt(&data_key, &nonce, plain, bound_to).ok_or(VaultError::Forged)?;
        sqlx::query("INSERT INTO data_keys (id, master_key_id, nonce, wrapped) VALUES ($1, $2, $3, $4)")
            .bind(id.0)
            .bind(self.master.id())
            .bind(wrap_nonce.as_slice())
            .bind(wrapped)
            .execute(&self.pool)
            .await?;
        Ok(SealedSecret { data_key_id: id, nonce: hex::encode(nonce), ciphertext: hex::encode(ciphertext) })
    }

    /// Opens what was sealed with the same `bound_to`.
    pub async fn open(&self, sealed: &SealedSecret, bound_to: &str) -> Result<Secret, VaultError> {
        let row = sqlx::query("SELECT master_key_id, nonce, wrapped FROM data_keys WHERE id = $1")
            .bind(sealed.data_key_id.0)
            .fetch_optional(&self.pool)
            .await?
            .ok_or(VaultError::Shredded)?;
        let master_key_id: String = row.get(0);
        if master_key_id != self.master.id() {
            return Err(self.wrong_master(sealed.data_key_id, master_key_id));
        }
        let (nonce, wrapped): (Vec<u8>, Vec<u8>) = (row.get(1), row.get(2));
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| VaultError::Forged)?;
        let data_key = self.master.unwrap(&wrapped, &nonce, &sealed.data_key_id.to_string());
        let data_key: Zeroizing<[u8; DATA_KEY_BYTES]> = data_key.ok_or(VaultError::Forged)?;
        envelope::open(&data_key, sealed, bound_to).ok_or(VaultError::Forged)
    }

    /// Destroys a data key. Doing it twice changes nothing.
    pub async fn shred(&self, id: DataKeyId) -> Result<(), VaultError> {
        sqlx::query("DELETE FROM data_keys WHERE id = $1").bind(id.0).execute(&self.pool).await?;
        Ok(())
    }

    fn nonce(&self) -> [u8; NONCE_BYTES] {
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&self.ids.random()[..NONCE_BYTES]);
        nonce
    }

    fn wrong_master(&self, id: DataKeyId, wanted: String) -> VaultError {
        VaultError::WrongMasterKey { id, wanted, present: self.master.id().to_owned() }
    }
}
