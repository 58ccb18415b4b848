//! What happens to a bot.

use super::{
    Access, ConfigOrigin, CreateBot, EarlierToken, EgressRule, ExecOutcome, ExecRequest, Fallback,
    FileChange, GatewayToken, Observation, Origin, RefusedEgress, Reshape, Setup,
};
use crate::{
    HostId, TokenHash,
    claim::{Claim, Claims, Scope},
    openclaw::ConfigText,
    values::{Hostname, ImageRef, Label},
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
    /// It was given these when it was made. Takes the folder of a deleted bot, where it goes on with one.
    #[serde(rename = "bot.set_up")]
    SetUp {
        /// What it was given.
        #[serde(flatten)]
        setup: Setup,
    },
    /// It is called otherwise. Takes the new hostname and frees the one before.
    #[serde(rename = "bot.renamed")]
    Renamed {
        /// Its name for people.
        name: Label,
        /// Its name in the API.
        hostname: Hostname,
        /// Its name in the API until now.
        previous_hostname: Hostname,
    },
    /// These are different from now on; what is absent stays as it was.
    #[serde(rename = "bot.changed")]
    Changed {
        /// What is different.
        #[serde(flatten)]
        shape: Reshape,
    },
    /// It shall begin anew, in a container of its own for each generation.
    #[serde(rename = "bot.restart_requested")]
    RestartRequested {
        /// Which one.
        generation: u32,
    },
    /// As a restart, with its configuration written anew.
    #[serde(rename = "bot.init_requested")]
    InitRequested {
        /// Which one; restarts and these count together.
        generation: u32,
    },
    /// It shall have another image, if it is healthy with it.
    #[serde(rename = "bot.upgrade_begun")]
    UpgradeBegun {
        /// Which upgrade of this bot.
        number: u32,
        /// The new image; the platform's default, when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image: Option<ImageRef>,
    },
    /// It was healthy with the new image, which is its image now.
    #[serde(rename = "bot.upgrade_committed")]
    UpgradeCommitted {
        /// Which upgrade.
        number: u32,
        /// Its image from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image: Option<ImageRef>,
    },
    /// It keeps the image that it had.
    #[serde(rename = "bot.upgrade_rolled_back")]
    UpgradeRolledBack {
        /// Which upgrade.
        number: u32,
        /// The image that it does not get.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        image: Option<ImageRef>,
        /// Why not, for people.
        reason: String,
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
    /// It may go to these places on the web, instead of all earlier ones; to none when the list is empty.
    #[serde(rename = "bot.egress_set")]
    EgressSet {
        /// The places.
        allow: Vec<EgressRule>,
    },
    /// It asked for a place on the web that it may not go to. Not every time: once a place and hour at most.
    #[serde(rename = "bot.egress_refused")]
    EgressRefused {
        /// Where it wanted to go, and why it did not.
        #[serde(flatten)]
        refused: RefusedEgress,
    },
    /// It has another configuration.
    #[serde(rename = "bot.config_set")]
    ConfigSet {
        /// Its number, from 1.
        version: u64,
        /// Where it came from.
        origin: ConfigOrigin,
        /// How long its text is.
        bytes: u64,
        /// SHA-256 of its text in hexadecimal.
        sha256: String,
        /// The text, without secrets.
        config_text: ConfigText,
    },
    /// Somebody changes a file of its workspace.
    #[serde(rename = "bot.file_change_requested")]
    FileChangeRequested {
        /// Which, and to what.
        #[serde(flatten)]
        change: FileChange,
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
        /// Its folder stays, for another bot or for people.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keep_data: bool,
    },
    /// The worker saw something new of its container.
    #[serde(rename = "bot.observed")]
    Observed {
        /// What it saw.
        #[serde(flatten)]
        observation: Observation,
    },
    /// An administrator is about to run a command in its container.
    #[serde(rename = "bot.exec_requested")]
    ExecRequested {
        /// The command.
        #[serde(flatten)]
        request: ExecRequest,
    },
    /// That command ended, or could not be run.
    #[serde(rename = "bot.exec_finished")]
    ExecFinished {
        /// How.
        #[serde(flatten)]
        outcome: ExecOutcome,
    },
    /// Container, network and data (unless they are kept) are gone. Frees its port.
    #[serde(rename = "bot.removed")]
    Removed {
        /// The port that becomes free.
        port: u16,
    },
}

crate::aggregate::impl_event!(BotEvent {
    Created => "bot.created" @ "1",
    SetUp => "bot.set_up" @ "1",
    Renamed => "bot.renamed" @ "1",
    Changed => "bot.changed" @ "1",
    RestartRequested => "bot.restart_requested" @ "1",
    InitRequested => "bot.init_requested" @ "1",
    UpgradeBegun => "bot.upgrade_begun" @ "1",
    UpgradeCommitted => "bot.upgrade_committed" @ "1",
    UpgradeRolledBack => "bot.upgrade_rolled_back" @ "1",
    TokenIssued => "bot.token_issued" @ "1",
    TokenRotated => "bot.token_rotated" @ "1",
    TokensRevoked => "bot.tokens_revoked" @ "1",
    AccessSet => "bot.access_set" @ "1",
    FallbacksSet => "bot.fallbacks_set" @ "1",
    EgressSet => "bot.egress_set" @ "1",
    EgressRefused => "bot.egress_refused" @ "1",
    ConfigSet => "bot.config_set" @ "1",
    FileChangeRequested => "bot.file_change_requested" @ "1",
    StartRequested => "bot.start_requested" @ "1",
    StopRequested => "bot.stop_requested" @ "1",
    MoveRequested => "bot.move_requested" @ "1",
    MoveCancelled => "bot.move_cancelled" @ "1",
    LetGo => "bot.let_go" @ "1",
    Placed => "bot.placed" @ "1",
    Left => "bot.left" @ "1",
    Deleted => "bot.deleted" @ "1",
    Observed => "bot.observed" @ "1",
    ExecRequested => "bot.exec_requested" @ "1",
    ExecFinished => "bot.exec_finished" @ "1",
    Removed => "bot.removed" @ "1",
});

impl Claims for BotEvent {
    fn takes(&self) -> Vec<Claim> {
        match self {
            Self::Created { bot } => {
                vec![Claim::new(Scope::BotHostname, &bot.hostname), Claim::new(Scope::BotPort, &bot.port)]
            }
            Self::SetUp { setup: Setup { origin: Some(Origin::DataOf(bot)), .. } } => {
                vec![Claim::new(Scope::BotData, bot)]
            }
            Self::Renamed { hostname, previous_hostname, .. } if hostname != previous_hostname => {
                vec![Claim::new(Scope::BotHostname, hostname)]
            }
            _ => Vec::new(),
        }
    }

    fn releases(&self) -> Vec<Claim> {
        match self {
            Self::Deleted { hostname, .. } => vec![Claim::new(Scope::BotHostname, hostname)],
            Self::Renamed { hostname, previous_hostname, .. } if hostname != previous_hostname => {
                vec![Claim::new(Scope::BotHostname, previous_hostname)]
            }
            Self::Removed { port } => vec![Claim::new(Scope::BotPort, port)],
            _ => Vec::new(),
        }
    }
}
