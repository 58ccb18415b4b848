//! A session: one sign-in of one user, kept alive by refresh tokens that are each good for one use.
//!
//! A stream of its own, not part of the user's: it is short, and ends with the session.

use crate::{Decide, SessionId, TenantId, Timestamp, TokenHash, UserId, claim::Claims};
use serde::{Deserialize, Serialize};

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CloseReason {
    /// The user signed out.
    Logout,
    /// A refresh token was presented twice: somebody has a copy.
    TokenReuse,
}

/// The aggregate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Present while it is open.
    pub open: Option<OpenSession>,
    /// Refresh tokens that were used; whoever presents one of them again has stolen it, or was stolen from.
    pub used: Vec<TokenHash>,
}

/// A session that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenSession {
    /// Its id, which also is its stream's.
    pub id: SessionId,
    /// Who signed in.
    pub user_id: UserId,
    /// The tenant that the session acts in.
    pub tenant_id: TenantId,
    /// The refresh token that is good now.
    pub refresh_hash: TokenHash,
    /// When that token ends.
    pub expires_at: Timestamp,
}

/// A command to one session.
#[derive(Clone, Debug)]
pub enum SessionCommand {
    /// After a good sign-in.
    Open(OpenSession),
    /// Trade the presented refresh token for the next one.
    Refresh {
        /// The token that was presented.
        presented: TokenHash,
        /// The token that follows it.
        next: TokenHash,
        /// When that one ends.
        expires_at: Timestamp,
        /// Now.
        at: Timestamp,
    },
    /// Sign out.
    Close,
}

/// An event of a session's stream (`session`, the session's id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum SessionEvent {
    /// Somebody signed in.
    #[serde(rename = "session.opened")]
    Opened {
        /// The session.
        #[serde(flatten)]
        session: OpenSession,
    },
    /// A refresh token was traded for the next one.
    #[serde(rename = "session.refreshed")]
    Refreshed {
        /// The token that is good now.
        refresh_hash: TokenHash,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// Nothing can be refreshed any more.
    #[serde(rename = "session.closed")]
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

crate::aggregate::impl_event!(SessionEvent {
    Opened => "session.opened" @ "1",
    Refreshed => "session.refreshed" @ "1",
    Closed => "session.closed" @ "1",
});
impl Claims for SessionEvent {}

/// Why a command to a session was refused. Nothing tells a guesser how close the guess was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    /// `Open` on a stream that exists.
    #[error("the session exists already")]
    Exists,
    /// Unknown, closed or expired session, or unknown token.
    #[error("the session is not open or the token is not its own")]
    Invalid,
}

impl Decide for Session {
    type Command = SessionCommand;
    type Event = SessionEvent;
    type Refusal = SessionRefusal;

    /// A token that was used before closes the session: this is an event, not a refusal, since it has to
    /// be recorded. Callers look at what was decided.
    fn decide(&self, command: SessionCommand) -> Result<Vec<SessionEvent>, SessionRefusal> {
        match (&self.open, command) {
            (None, SessionCommand::Open(session)) if self.used.is_empty() => {
                Ok(vec![SessionEvent::Opened { session }])
            }
            (_, SessionCommand::Open(_)) => Err(SessionRefusal::Exists),
            (None, SessionCommand::Refresh { .. }) => Err(SessionRefusal::Invalid),
            (None, SessionCommand::Close) => Ok(Vec::new()),
            (Some(open), SessionCommand::Refresh { presented, next, expires_at, at }) => {
                if self.used.contains(&presented) {
                    return Ok(vec![SessionEvent::Closed { reason: CloseReason::TokenReuse }]);
                }
                if presented != open.refresh_hash || at >= open.expires_at {
                    return Err(SessionRefusal::Invalid);
                }
                Ok(vec![SessionEvent::Refreshed { refresh_hash: next, expires_at }])
            }
            (Some(_), SessionCommand::Close) => {
                Ok(vec![SessionEvent::Closed { reason: CloseReason::Logout }])
            }
        }
    }

    fn evolve(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Opened { session } => self.open = Some(session),
            SessionEvent::Refreshed { refresh_hash, expires_at } => {
                if let Some(open) = &mut self.open {
                    self.used.push(std::mem::replace(&mut open.refresh_hash, refresh_hash));
                    open.expires_at = expires_at;
                }
            }
            SessionEvent::Closed { .. } => {
                if let Some(open) = self.open.take() {
                    self.used.push(open.refresh_hash);
                }
            }
        }
    }
}

crate::aggregate::impl_aggregate!(Session, "session");

#[cfg(test)]
mod tests;
