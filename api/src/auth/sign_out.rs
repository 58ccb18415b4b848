//! Sessions that ended: their access tokens are refused in this process at once.
//!
//! An access token carries all it says and is not looked up, so another process takes it until it ends by itself
//! (15 minutes at most); the refresh token is dead everywhere at once.

use clawplane_domain::{SessionId, Timestamp};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Most sessions that are remembered.
const MOST: usize = 100_000;

/// The sessions, with the time at which their last access token ends.
pub(crate) struct SignedOut {
    ttl: Duration,
    sessions: Mutex<HashMap<SessionId, Timestamp>>,
}

impl SignedOut {
    /// Access tokens are good for `ttl`.
    pub(crate) fn new(ttl: Duration) -> Self {
        Self { ttl, sessions: Mutex::default() }
    }

    /// The session has ended.
    pub(crate) fn add(&self, session: SessionId, now: Timestamp) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= MOST {
            sessions.retain(|_, ends| *ends > now);
        }
        if sessions.len() < MOST {
            sessions.insert(session, now + self.ttl);
        }
    }

    /// Whether the session has ended.
    pub(crate) fn contains(&self, session: SessionId) -> bool {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&session)
    }
}
