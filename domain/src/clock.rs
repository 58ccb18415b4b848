//! Where time and chance come from, as traits: the decisions never call them, their callers do.

use crate::Timestamp;
use uuid::Uuid;

/// Tells the time. Tests hand in one that stands still.
pub trait Clock: Send + Sync + 'static {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// Makes ids and secrets. Tests may hand in one that counts.
pub trait Ids: Send + Sync + 'static {
    /// A fresh UUIDv7, ordered by time.
    fn uuid(&self) -> Uuid;
    /// 32 bytes that nobody can guess, from the operating system.
    fn random(&self) -> [u8; 32];
}
