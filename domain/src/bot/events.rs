//! What happens to a bot.

use super::{Access, CreateBot, EarlierToken, Fallback, GatewayToken, Observation};
use crate::{
    HostId, TokenHash,
    claim::{Claim, Claims, Scope},
    values::Hostname,
};
use serde::{Deserialize, Serialize};

/// An event of a bot's stream (`bot`, the bot's id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum BotEvent {
    /// It exists. Takes its hostname and its port.
    #[serde(rename = "bot.created")]
    Created {
        /// What it was made of.
        #[serde(flatten)]
        bot: CreateBot,
    },
    /// It has a gateway token; an earlier one is no longer valid.
    #[serde(rename = "bot.token_issued")]
    TokenIssued {
        /// The token, hashed and sealed.
        #[serde(flatten)]
        token: GatewayToken,
    },
    /// It has a new gateway token. Of those before it these are good for a while, and no other.
    #[serde(rename = "bot.token_rotated")]
    TokenRotated {
        /// The new token, hashed and sealed.
        #[serde(flatten)]
        token: GatewayToken,
        /// The earlier ones, the newest first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        earlier: Vec<EarlierToken>,
    },
    /// It has no token any more.
    #[serde(rename = "bot.tokens_revoked", rename_all = "camelCase")]
    TokensRevoked {
        /// The tokens that are void.
        token_hashes: Vec<TokenHash>,
    },
    /// These vendors and models, instead of what it might reach before.
    #[serde(rename = "bot.access_set")]
    AccessSet {
        /// What it may reach.
        #[serde(flatten)]
        access: Access,
    },
    /// These vendors stand in for others, instead of all earlier ones.
    #[serde(rename = "bot.fallbacks_set")]
    FallbacksSet {
        /// In the order in which they are tried.
        fallbacks: Vec<Fallback>,
    },
    /// It shall run.
    #[serde(rename = "bot.start_requested")]
    StartRequested {},
    /// It shall not run.
    #[serde(rename = "bot.stop_requested")]
    StopRequested {},
    /// It shall be on another host.
    #[serde(rename = "bot.move_requested")]
    MoveRequested {
        /// The host that it is on.
        from: HostId,
        /// Where it shall be.
        to: HostId,
        /// Nobody waits until the first one lets go of it.
        #[serde(default)]
        vacated: bool,
    },
    /// It stays where it is.
    #[serde(rename = "bot.move_cancelled")]
    MoveCancelled {},
    /// The host that it is on has no container of it any more.
    #[serde(rename = "bot.let_go")]
    LetGo {
        /// That host.
        host_id: HostId,
    },
    /// It is on another host now, with its data.
    #[serde(rename = "bot.placed")]
    Placed {
        /// That host.
        host_id: HostId,
        /// Where it was, and where something of it still is.
        from: HostId,
    },
    /// A host that it was on has nothing of it any more.
    #[serde(rename = "bot.left")]
    Left {
        /// That host.
        host_id: HostId,
    },
    /// It shall be gone: its token is void at once and its hostname is free.
    #[serde(rename = "bot.deleted")]
    Deleted {
        /// The name that becomes free.
        hostname: Hostname,
        /// The token that is void, where it had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_hash: Option<TokenHash>,
    },
    /// The worker saw something new of its container.
    #[serde(rename = "bot.observed")]
    Observed {
        /// What it saw.
        #[serde(flatten)]
        observation: Observation,
    },
    /// Container, network and data are gone. Frees its port.
    #[serde(rename = "bot.removed")]
    Removed {
        /// The port that becomes free.
        port: u16,
    },
}

crate::aggregate::impl_event!(BotEvent {
    Created => "bot.created" @ "1",
    TokenIssued => "bot.token_issued" @ "1",
    TokenRotated => "bot.token_rotated" @ "1",
    TokensRevoked => "bot.tokens_revoked" @ "1",
    AccessSet => "bot.access_set" @ "1",
    FallbacksSet => "bot.fallbacks_set" @ "1",
    StartRequested => "bot.start_requested" @ "1",
    StopRequested => "bot.stop_requested" @ "1",
    MoveRequested => "bot.move_requested" @ "1",
    MoveCancelled => "bot.move_cancelled" @ "1",
    LetGo => "bot.let_go" @ "1",
    Placed => "bot.placed" @ "1",
    Left => "bot.left" @ "1",
    Deleted => "bot.deleted" @ "1",
    Observed => "bot.observed" @ "1",
    Removed => "bot.removed" @ "1",
});

impl Claims for BotEvent {
    fn takes(&self) -> Vec<Claim> {
        match self {
            Self::Created { bot } => {
                vec![Claim::new(Scope::BotHostname, &bot.hostname), Claim::new(Scope::BotPort, &bot.port)]
            }
            _ => Vec::new(),
        }
    }

    fn releases(&self) -> Vec<Claim> {
        match self {
            Self::Deleted { hostname, .. } => vec![Claim::new(Scope::BotHostname, hostname)],
            Self::Removed { port } => vec![Claim::new(Scope::BotPort, port)],
            _ => Vec::new(),
        }
    }
}
