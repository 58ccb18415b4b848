//! What can be asked of a bot, and what is decided.

use super::{
    Access, BadFallback, BadVariable, Bot, BotEvent, BotState, Changes, Desired, EgressRule, ExecOutcome,
    ExecRequest, Fallback, FileChange, GatewayToken, Limits, ModelChoice, NewBot, RefusedEgress, Rotate,
    SetConfig, Setup, config, egress, fallbacks, life, placement,
    setup::{self, MAX_ENVIRONMENT_BYTES},
    state::BotProfile,
    token,
};
use crate::{
    BotId, HostId, TenantId, UserId,
    values::{EnvName, Hostname, ImageRef, Label, Tag},
};
use serde::{Deserialize, Serialize};

/// Most tags of one bot.
pub const MAX_TAGS: usize = 32;
/// Most models of one bot.
pub const MAX_MODELS: usize = 64;
/// Longest reason of an observation, in characters; what is longer is cut.
pub const MAX_REASON: usize = 2000;

/// Everything a new bot is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateBot {
    /// Its id, which also is its stream's.
    pub id: BotId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Who makes it.
    pub created_by: UserId,
    /// Its name in the API.
    pub hostname: Hostname,
    /// Its name for people.
    pub name: Label,
    /// Its own image, else the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRef>,
    /// Its loopback port on the host.
    pub port: u16,
    /// Chooses provider keys.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// The models it may use; the first is its primary one.
    pub models: Vec<ModelChoice>,
    /// Its container's limits.
    pub limits: Limits,
    /// The host that it is placed on.
    #[serde(default, skip_serializing_if = "HostId::is_local")]
    pub host_id: HostId,
    /// What its host has to have, also when it moves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_labels: Vec<Tag>,
}

/// What the worker saw of a bot's container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// The state.
    pub state: BotState,
    /// Why it is so, for people; at most a few lines, never a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The engine's id of the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_id: Option<String>,
    /// The exit code of a container that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// How often the engine has restarted it by itself.
    #[serde(default)]
    pub restarts: u32,
    /// It has failed too often: nothing starts it again until somebody asks for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_alone: bool,
}

impl Observation {
    /// A state and nothing more.
    pub fn new(state: BotState) -> Self {
        Self { state, reason: None, container_id: None, exit_code: None, restarts: 0, left_alone: false }
    }

    /// With a reason that can be stored and shown. It may quote what a container printed: that can be long, and can
    /// hold control characters, of which Postgres cannot even store NUL.
    fn tidied(mut self) -> Self {
        self.reason = self.reason.as_deref().map(tidy);
        self
    }
}

pub(super) fn tidy(reason: &str) -> String {
    let fit = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    reason.chars().filter(fit).take(MAX_REASON).collect()
}

/// A command to one bot.
#[derive(Clone, Debug)]
pub enum BotCommand {
    /// Make it, with its first gateway token and what it may reach with that.
    Create(Box<CreateBot>, GatewayToken, Access),
    /// Make it, with everything that it can be given.
    CreateWith(Box<NewBot>),
    /// Call it otherwise, or change what it is made of.
    Change(Box<Changes>),
    /// Let its process begin anew.
    Restart,
    /// As [`Self::Restart`], with its configuration written anew.
    Init,
    /// Give it another image (`None`: the platform's default), if it is healthy with that.
    Upgrade(Option<ImageRef>),
    /// Let it run.
    Start,
    /// Let it stop.
    Stop,
    /// Narrow what it may reach, instead of all earlier lists.
    SetAccess(Access),
    /// Give it another token.
    RotateToken(Box<Rotate>),
    /// Make every token of it void, until it is given another one.
    RevokeTokens,
    /// Let these vendors stand in for others, instead of all earlier ones.
    SetFallbacks(Vec<Fallback>),
    /// Let it go to these places on the web, instead of all earlier ones.
    SetEgress(Vec<EgressRule>),
    /// From the worker: it wanted to go where it may not.
    NoteEgressRefused(RefusedEgress),
    /// Give it another configuration.
    SetConfig(Box<SetConfig>),
    /// Somebody is about to change a file of its workspace.
    NoteFile(FileChange),
    /// Remove it with its data.
    Delete,
    /// Remove it, and leave its folder where it is.
    DeleteKeepingData,
    /// From the worker: it is healthy with its new image.
    CommitUpgrade {
        /// Which upgrade this is about.
        number: u32,
    },
    /// From the worker: it is not, and shall have the old one again.
    RollBackUpgrade {
        /// Which upgrade this is about.
        number: u32,
        /// Why, for people.
        reason: String,
    },
    /// Bring it to another host. To the one that it is on: stay there after all.
    Move {
        /// Where to.
        to: HostId,
        /// The host that it is on is lost, and nobody waits for it.
        abandon: bool,
    },
    /// From the worker: this host has no container of it any more.
    Vacated(HostId),
    /// From the worker: this host has its data.
    Arrived(HostId),
    /// From the worker: this host, which it left, has nothing of it any more.
    Forgotten(HostId),
    /// From the worker: this is what its container looks like.
    Observe(Observation),
    /// Note that a command is about to run in its container.
    RequestExec(ExecRequest),
    /// Note how it ended, also where the bot was deleted meanwhile.
    FinishExec(ExecOutcome),
    /// From the worker: nothing of it is left on the host.
    ConfirmRemoved,
}

/// Why a command to a bot was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BotRefusal {
    /// `Create` on a stream that exists.
    #[error("the bot exists already")]
    Exists,
    /// Any other command on a stream that does not exist, or on a deleted bot.
    #[error("there is no such bot")]
    Unknown,
    /// A list is longer than it may be.
    #[error("`{field}` may have at most {max} entries")]
    TooMany {
        /// The list.
        field: &'static str,
        /// Its bound.
        max: usize,
    },
    /// A list without an entry would allow nothing, or everything: nobody can tell.
    #[error("`{field}` must name at least one; leave it out to allow all")]
    AllowsNothing {
        /// The list.
        field: &'static str,
    },
    /// Nobody may hold on to an old token for so long.
    #[error("an old token may stay valid for a day at most")]
    GraceTooLong,
    /// A command that may run for ever may never be ended.
    #[error("`timeoutSeconds` must be 1 to {}", super::exec::MAX_SECONDS)]
    ExecTooLong,
    /// An entry of `fallbacks` makes no sense.
    #[error("`fallbacks[{at}].{}` {why}", why.field())]
    Fallback {
        /// Which one.
        at: usize,
        /// Why not.
        why: BadFallback,
    },
    /// A variable cannot be a bot's.
    #[error("`environment.{name}` {why}")]
    Variable {
        /// Which one.
        name: EnvName,
        /// Why not.
        why: BadVariable,
    },
    /// All variables together are too long.
    #[error("`environment` may have at most {MAX_ENVIRONMENT_BYTES} bytes")]
    EnvironmentTooLarge,
    /// A running bot whose tokens were revoked would not come back.
    #[error("its gateway tokens were revoked: rotate its token first")]
    NoToken,
    /// A bot without a model could not answer.
    #[error("`models` must name at least one model")]
    NoModel,
    /// Somebody else has changed the configuration meanwhile.
    #[error("the configuration is at version {present} by now")]
    StaleConfig {
        /// The present version.
        present: u64,
    },
    /// There is no room for another version.
    #[error("the versions of this configuration take {} MiB, which is as much as there may be", config::MAX_HISTORY / 1024 / 1024)]
    ConfigHistoryFull,
    /// A path that no file can have.
    #[error("`path` must lead to a file in the workspace")]
    BadPath,
    /// It is on its way elsewhere, or the host still has something of it.
    #[error(
        "the bot is being moved; wait until that is done, or call it off by moving it to the host that it is on"
    )]
    Moving,
    /// `Arrived` where nobody wants it any more.
    #[error("the bot is not on its way to this host")]
    NotMoving,
    /// `ConfirmRemoved` of a bot that nobody deleted.
    #[error("the bot was not deleted")]
    NotDeleted,
}

pub(super) fn decide(bot: &Bot, command: BotCommand) -> Result<Vec<BotEvent>, BotRefusal> {
    let (bot, command) = match (&bot.profile, command) {
        (None, BotCommand::Create(bot, token, access)) => {
            let (setup, fallbacks) = (Setup::default(), Vec::new());
            return setup::create(NewBot { bot: *bot, setup, token, access, fallbacks });
        }
        (None, BotCommand::CreateWith(new)) => return setup::create(*new),
        (Some(_), BotCommand::Create(..) | BotCommand::CreateWith(_)) => return Err(BotRefusal::Exists),
        (None, _) => return Err(BotRefusal::Unknown),
        (Some(bot), command) => (bot, command),
    };
    match command {
        BotCommand::Observe(seen) => Ok(observe(bot, seen)),
        BotCommand::ConfirmRemoved => confirm_removed(bot),
        BotCommand::FinishExec(outcome) => Ok(vec![BotEvent::ExecFinished { outcome: outcome.tidied() }]),
        BotCommand::Vacated(host) => Ok(placement::vacated(bot, host)),
        BotCommand::Arrived(host) => placement::arrived(bot, host),
        BotCommand::Forgotten(host) => Ok(placement::forgotten(bot, host)),
        _ if bot.desired == Desired::Deleted => Err(BotRefusal::Unknown),
        // One that was given up is wanted to run already, and needs the word all the same.
        BotCommand::Start if bot.desired == Desired::Running && !bot.observed.left_alone => Ok(Vec::new()),
        BotCommand::Start => Ok(vec![BotEvent::StartRequested {}]),
        BotCommand::Stop if bot.desired == Desired::Stopped => Ok(Vec::new()),
        BotCommand::Stop => Ok(vec![BotEvent::StopRequested {}]),
        BotCommand::SetAccess(access) => set_access(bot, access),
        BotCommand::RotateToken(new) => token::rotate(bot, *new),
        BotCommand::RevokeTokens => Ok(token::revoke(bot)),
        BotCommand::SetFallbacks(new) => set_fallbacks(bot, new),
        BotCommand::Change(changes) => life::change(bot, *changes),
        BotCommand::Restart => life::restart(bot),
        BotCommand::Init => life::init(bot),
        BotCommand::Upgrade(image) => life::upgrade(bot, image),
        BotCommand::CommitUpgrade { number } => Ok(life::commit_upgrade(bot, number)),
        BotCommand::RollBackUpgrade { number, reason } => Ok(life::roll_back_upgrade(bot, number, &reason)),
        BotCommand::Delete => Ok(deleted(bot, false)),
        BotCommand::DeleteKeepingData => Ok(deleted(bot, true)),
        BotCommand::Create(..) | BotCommand::CreateWith(_) => Err(BotRefusal::Exists),
        BotCommand::RequestExec(request) => Ok(vec![BotEvent::ExecRequested { request: request.check()? }]),
        BotCommand::SetEgress(allow) => set_egress(bot, allow),
        BotCommand::NoteEgressRefused(refused) => {
            Ok(vec![BotEvent::EgressRefused { refused: refused.tidied() }])
        }
        BotCommand::SetConfig(new) => config::set(bot, *new),
        BotCommand::NoteFile(change) => config::note_file(change),
        BotCommand::Move { to, abandon } => placement::request(bot, to, abandon),
    }
}

/// A move ends with it: the host that it is on removes it.
fn deleted(bot: &BotProfile, keep_data: bool) -> Vec<BotEvent> {
    let stays = bot.placement.moving.map(|_| BotEvent::MoveCancelled {});
    let token_hash = bot.token.as_ref().map(|token| token.hash);
    let deleted = BotEvent::Deleted { hostname: bot.hostname.clone(), token_hash, keep_data };
    stays.into_iter().chain([deleted]).collect()
}

fn set_access(bot: &BotProfile, access: Access) -> Result<Vec<BotEvent>, BotRefusal> {
    access.check()?;
    if bot.access == access {
        return Ok(Vec::new());
    }
    Ok(vec![BotEvent::AccessSet { access }])
}

fn set_fallbacks(bot: &BotProfile, fallbacks: Vec<Fallback>) -> Result<Vec<BotEvent>, BotRefusal> {
    fallbacks::check(&fallbacks)?;
    if bot.fallbacks == fallbacks {
        return Ok(Vec::new());
    }
    Ok(vec![BotEvent::FallbacksSet { fallbacks }])
}

fn set_egress(bot: &BotProfile, allow: Vec<EgressRule>) -> Result<Vec<BotEvent>, BotRefusal> {
    let allow = egress::checked(allow)?;
    if bot.egress == allow {
        return Ok(Vec::new());
    }
    Ok(vec![BotEvent::EgressSet { allow }])
}

/// Only news is recorded: the worker reports at every pass.
fn observe(bot: &BotProfile, observation: Observation) -> Vec<BotEvent> {
    let observation = observation.tidied();
    if bot.removed || bot.observed == observation {
        return Vec::new();
    }
    vec![BotEvent::Observed { observation }]
}

fn confirm_removed(bot: &BotProfile) -> Result<Vec<BotEvent>, BotRefusal> {
    match (bot.desired, bot.removed) {
        (Desired::Deleted, false) => Ok(vec![BotEvent::Removed { port: bot.port }]),
        (Desired::Deleted, true) => Ok(Vec::new()),
        _ => Err(BotRefusal::NotDeleted),
    }
}
