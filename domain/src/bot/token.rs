//! A bot's gateway tokens: the present one, the ones that are still good for a while, and when the next is due.
//!
//! A rotation leaves no gap: whoever still holds the token before goes on until its end. How many such tokens there
//! are is bounded, and nothing ever makes one good for longer.

use super::{BotEvent, BotRefusal, state::BotProfile};
use crate::{SealedSecret, Timestamp, TokenHash};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most earlier tokens that are good beside the present one; a further rotation ends the oldest at once.
pub const MAX_EARLIER: usize = 2;
/// How long an earlier token stays good where nobody says otherwise.
pub const USUAL_GRACE: Duration = Duration::from_mins(10);
/// The longest that it may.
pub const MAX_GRACE: Duration = Duration::from_hours(24);

/// The token that a bot presents to the proxy instead of a vendor's key, and that people present to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayToken {
    /// What the proxy looks it up by.
    pub hash: TokenHash,
    /// For the worker that writes the bot's config. Its additional data is the bot's id.
    pub sealed: SealedSecret,
    /// After this the proxy refuses it; `None` is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl GatewayToken {
    /// Whether tokens that hold for `ttl` are to be renewed and this one's last third has begun. One without an end
    /// is from before there were ends, and due as well.
    pub fn is_due(&self, at: Timestamp, ttl: Option<Duration>) -> bool {
        ttl.is_some_and(|ttl| self.expires_at.is_none_or(|end| end <= at + ttl / 3))
    }
}

/// A token that was replaced and is good for a while yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EarlierToken {
    /// What the proxy looks it up by.
    pub hash: TokenHash,
    /// After this the proxy refuses it.
    pub valid_until: Timestamp,
}

/// A new token for a bot.
#[derive(Clone, Debug)]
pub struct Rotate {
    /// The new one.
    pub token: GatewayToken,
    /// What it replaces.
    pub replaces: Replaces,
    /// Now.
    pub at: Timestamp,
    /// How long the present one stays good, and with [`Replaces::Present`] every earlier one at most.
    pub grace: Duration,
}

/// Which token a rotation replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaces {
    /// Whichever is the present one: somebody asked for a new one.
    Present,
    /// This one (`None`: there is none), and nothing else: of several who want to renew it only the first does.
    Exactly(Option<TokenHash>),
}

pub(super) fn rotate(bot: &BotProfile, rotate: Rotate) -> Result<Vec<BotEvent>, BotRefusal> {
    let Rotate { token, replaces, at, grace } = rotate;
    if grace > MAX_GRACE {
        return Err(BotRefusal::GraceTooLong);
    }
    if replaces != Replaces::Present && replaces != Replaces::Exactly(bot.token.as_ref().map(|old| old.hash))
    {
        return Ok(Vec::new());
    }
    let end = at + grace;
    let last = bot.token.iter().map(|old| EarlierToken {
        hash: old.hash,
        valid_until: old.expires_at.map_or(end, |expires| end.min(expires)),
    });
    let before = bot.earlier.iter().map(|old| match replaces {
        // Whoever asks for a rotation says when everything old ends; a renewal leaves it as it was asked for.
        Replaces::Present => EarlierToken { valid_until: old.valid_until.min(end), ..old.clone() },
        Replaces::Exactly(_) => old.clone(),
    });
    let earlier = last.chain(before).filter(|old| old.valid_until > at);
    Ok(vec![BotEvent::TokenRotated { token, earlier: earlier.take(MAX_EARLIER).collect() }])
}

pub(super) fn revoke(bot: &BotProfile) -> Vec<BotEvent> {
    let present = bot.token.iter().map(|token| token.hash);
    let token_hashes: Vec<_> = present.chain(bot.earlier.iter().map(|old| old.hash)).collect();
    if token_hashes.is_empty() { Vec::new() } else { vec![BotEvent::TokensRevoked { token_hashes }] }
}

#[cfg(test)]
mod tests;
