//! The brake on guessing passwords: a bucket of failures for each address and account.

use clawplane_domain::Timestamp;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Failures that are free.
const BURST: u32 = 10;
/// One more is allowed after each of these.
const PAUSE: Duration = Duration::from_secs(6);
/// Most buckets; whoever makes more of them has paid for each with a failure.
const MOST: usize = 10_000;

/// Whom a bucket belongs to. The account only as a hash: what is typed there may be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Guesser([u8; 32]);

impl Guesser {
    /// An account, tried from an address.
    pub(crate) fn new(address: Option<IpAddr>, account: &str) -> Self {
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        Self(Sha256::digest(format!("{address} {account}")).into())
    }
}

/// The buckets. A bucket is the time at which it will be empty again.
#[derive(Default)]
pub(crate) struct Throttle {
    empty_at: Mutex<HashMap<Guesser, Timestamp>>,
}

impl Throttle {
    /// Counts a try as a failure, unless there were too many: then the answer is how long to wait.
    pub(crate) fn take(&self, guesser: Guesser, now: Timestamp) -> Result<(), Duration> {
        let mut buckets = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        let empty_at = buckets.get(&guesser).copied().unwrap_or(now).max(now);
        let filled = empty_at + PAUSE;
        if let Ok(wait) = (filled - (now + PAUSE * BURST)).to_std()
            && !wait.is_zero()
        {
            return Err(wait);
        }
        if buckets.len() >= MOST && !buckets.contains_key(&guesser) {
            make_room(&mut buckets, now);
        }
        buckets.insert(guesser, filled);
        Ok(())
    }

    /// The try was none: the password was right.
    pub(crate) fn forgive(&self, guesser: Guesser) {
        self.empty_at.lock().unwrap_or_else(PoisonError::into_inner).remove(&guesser);
    }
}

fn make_room(buckets: &mut HashMap<Guesser, Timestamp>, now: Timestamp) {
    buckets.retain(|_, empty_at| *empty_at > now);
    if buckets.len() >= MOST
        && let Some(first) =
            buckets.iter().min_by_key(|(_, empty_at)| **empty_at).map(|(guesser, _)| *guesser)
    {
        buckets.remove(&first);
    }
}

#[cfg(test)]
mod tests;
