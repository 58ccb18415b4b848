//! Passwords: argon2id with the crate's defaults (19 MiB, 2 passes; the OWASP cheat sheet's first choice), off the
//! asynchronous threads, and only a few at a time, since each takes memory and a core.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use clawplane_domain::Secret;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::spawn_blocking};

/// Most checks at once.
const AT_ONCE: usize = 4;
/// Longest wait for a place.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest password in bytes; a longer one is wrong without a look.
pub const LONGEST_PASSWORD: usize = 1024;
/// Shortest password of a new account, in characters.
pub const SHORTEST_PASSWORD: usize = 8;

/// A hash of no password at all: an unknown account costs as much time as a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Y2xhd3BsYW5lLW5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password could not be hashed or checked. Says nothing of the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too many sign-ins at once.
    #[error("too many passwords are being checked")]
    Busy,
    /// The library or the stored hash failed.
    #[error("the password could not be hashed")]
    Failed,
}

/// Checks passwords.
pub(crate) struct Passwords {
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Passwords {
    /// Whether `password` belongs to `hash` (a PHC string). `None`, an account that is not there, takes as long.
    pub(crate) async fn verify(&self, password: Secret, hash: Option<String>) -> Result<bool, PasswordError> {
        let place = tokio::time::timeout(PATIENCE, self.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| PasswordError::Busy)?.map_err(|_| PasswordError::Failed)?;
        let check = spawn_blocking(move || {
            let known = hash.is_some();
            let hash = hash.as_deref().unwrap_or(NOBODY);
            let result = PasswordHash::new(hash).map(|hash| matches(&password, &hash));
            drop(place);
            result.map(|right| right && known)
        });
        check.await.map_err(|_| PasswordError::Failed)?.map_err(|_| PasswordError::Failed)
    }
}

fn matches(password: &Secret, hash: &PasswordHash) -> bool {
    let right = Argon2::default().verify_password(password.expose().as_bytes(), hash).is_ok();
    right && password.len() <= LONGEST_PASSWORD
}

/// The PHC string of a password, with a random salt.
pub async fn hash_password(password: Secret) -> Result<String, PasswordError> {
    let hash = spawn_blocking(move || {
        let hash = Argon2::default().hash_password(password.expose().as_bytes());
        hash.map(|hash: PasswordHash| hash.to_string())
    });
    hash.await.map_err(|_| PasswordError::Failed)?.map_err(|_| PasswordError::Failed)
}

#[cfg(test)]
mod tests;
