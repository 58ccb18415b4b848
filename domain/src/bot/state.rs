//! What a bot is.

use super::{
    Access, BotEvent, ConfigHead, CreateBot, EgressRule, Fallback, Life, Reshape, Upgrade, UpgradeOutcome,
    commands::Observation,
    placement::{Moving, Placement},
    token::{EarlierToken, GatewayToken},
};
use crate::{
    BotId, Decide, TenantId, UserId,
    values::{Hostname, ImageRef, Label, ModelId, Tag, VendorId},
};
use serde::{Deserialize, Serialize};

/// What its owner wants of a bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Desired {
    /// A container that runs.
    Running,
    /// No process; the data stay.
    Stopped,
    /// Nothing at all.
    Deleted,
}

/// What was last seen of a bot's container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BotState {
    /// Known to the platform, no container yet.
    Created,
    /// The image is pulled or the container starts; it is not healthy yet.
    Starting,
    /// The container answers its health check.
    Running,
    /// The container runs but does not answer its health check any more.
    Unhealthy,
    /// On its way to stopped.
    Stopping,
    /// The container is there and does not run.
    Stopped,
    /// It cannot be started, or ended by itself; the reason says more.
    Failed,
    /// Container, network and data are being removed.
    Deleting,
    /// Its host is lost, so nobody knows. Never seen by a worker: it is how a bot of such a host is shown.
    Unknown,
}

/// A vendor's model that the bot may use, through the proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelChoice {
    /// The vendor as the vendor table names it.
    pub vendor: VendorId,
    /// The model as the vendor names it.
    pub model: ModelId,
}

/// What a bot's container may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// CPU time, in thousandths of a core.
    pub cpu_millis: u32,
    /// Processes and threads.
    pub pids: u32,
    /// What its folder may hold, in MiB; [`DISK_MIB`] when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_mib: Option<u32>,
    /// For an image that cannot do otherwise: its root file system can be written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub writable_root: bool,
}

/// What a bot's folder may hold where nobody says otherwise, in MiB.
pub const DISK_MIB: u32 = 10 * 1024;

impl Limits {
    /// What its folder may hold, in MiB.
    pub fn disk(&self) -> u32 {
        self.disk_mib.unwrap_or(DISK_MIB)
    }
}

impl Default for Limits {
    /// OpenClaw 2026.9 holds about 1.3 GB at its first turn, so less than 2 GiB makes no usable bot.
    fn default() -> Self {
        Self { memory_mib: 2048, cpu_millis: 1000, pids: 512, disk_mib: None, writable_root: false }
    }
}

/// The aggregate. `Default` is the state before `bot.created`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bot {
    /// Present from `bot.created` on.
    pub profile: Option<BotProfile>,
}

/// A bot that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BotProfile {
    /// Its id.
    pub id: BotId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Who made it.
    pub created_by: UserId,
    /// Its name in the API.
    pub hostname: Hostname,
    /// Its name for people.
    pub name: Label,
    /// Its own image, where it does not take the platform's default.
    pub image: Option<ImageRef>,
    /// Its loopback port on the host.
    pub port: u16,
    /// Chooses provider keys: a key with a matching tag is preferred.
    pub tags: Vec<Tag>,
    /// The models it may use; the first is its primary one.
    pub models: Vec<ModelChoice>,
    /// Its container's limits.
    pub limits: Limits,
    /// What it may reach through the proxy.
    #[serde(default)]
    pub access: Access,
    /// The present gateway token; `None` once it was revoked.
    pub token: Option<GatewayToken>,
    /// Tokens from before it that are good for a while yet, the newest first.
    #[serde(default)]
    pub earlier: Vec<EarlierToken>,
    /// Vendors that stand in for others.
    #[serde(default)]
    pub fallbacks: Vec<Fallback>,
    /// What else it was given, and how often it was to begin anew.
    #[serde(default)]
    pub life: Life,
    /// Where it may go on the web; nowhere when empty.
    #[serde(default)]
    pub egress: Vec<EgressRule>,
    /// The present version of its configuration.
    #[serde(default)]
    pub config: ConfigHead,
    /// Which host it is on.
    #[serde(default)]
    pub placement: Placement,
    /// What its owner wants.
    pub desired: Desired,
    /// What the worker saw last.
    pub observed: Observation,
    /// Container, network and data are gone; nothing follows.
    pub removed: bool,
}

impl BotProfile {
    fn reshape(&mut self, shape: Reshape) {
        let Reshape { limits, environment, features, models, tags } = shape;
        self.limits = limits.unwrap_or(self.limits);
        if let Some(environment) = environment {
            self.life.environment = environment;
        }
        if let Some(features) = features {
            self.life.features = features;
        }
        if let Some(models) = models {
            self.models = models;
        }
        if let Some(tags) = tags {
            self.tags = tags;
        }
    }
}

impl Decide for Bot {
    type Command = super::BotCommand;
    type Event = BotEvent;
    type Refusal = super::BotRefusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<BotEvent>, Self::Refusal> {
        super::commands::decide(self, command)
    }

    fn evolve(&mut self, event: BotEvent) {
        match (event, &mut self.profile) {
            (BotEvent::Created { bot }, _) => self.profile = Some(BotProfile::new(bot)),
            (event, Some(bot)) => bot.apply(event),
            (_, None) => {}
        }
    }
}

impl BotProfile {
    fn new(bot: CreateBot) -> Self {
        Self {
            id: bot.id,
            tenant_id: bot.tenant_id,
            created_by: bot.created_by,
            hostname: bot.hostname,
            name: bot.name,
            image: bot.image,
            port: bot.port,
            tags: bot.tags,
            models: bot.models,
            limits: bot.limits,
            access: Access::default(),
            token: None,
            earlier: Vec::new(),
            fallbacks: Vec::new(),
            life: Life::default(),
            egress: Vec::new(),
            config: ConfigHead::default(),
            placement: Placement { host: bot.host_id, labels: bot.host_labels, ..Placement::default() },
            desired: Desired::Stopped,
            observed: Observation::new(BotState::Created),
            removed: false,
        }
    }

    fn apply(&mut self, event: BotEvent) {
        match event {
            BotEvent::Created { .. }
            | BotEvent::EgressRefused { .. }
            | BotEvent::ExecRequested { .. }
            | BotEvent::ExecFinished { .. }
            | BotEvent::FileChangeRequested { .. } => {}
            BotEvent::TokenIssued { token } => {
                self.token = Some(token);
                self.earlier = Vec::new();
            }
            BotEvent::TokenRotated { token, earlier } => {
                self.token = Some(token);
                self.earlier = earlier;
            }
            BotEvent::TokensRevoked { .. } => {
                self.token = None;
                self.earlier = Vec::new();
            }
            BotEvent::AccessSet { access } => self.access = access,
            BotEvent::FallbacksSet { fallbacks } => self.fallbacks = fallbacks,
            BotEvent::SetUp { setup } => self.life.set_up(setup),
            BotEvent::Renamed { name, hostname, .. } => {
                self.name = name;
                self.hostname = hostname;
            }
            BotEvent::Changed { shape } => self.reshape(shape),
            BotEvent::RestartRequested { generation } => self.life.generation = generation,
            BotEvent::InitRequested { generation } => {
                self.life.generation = generation;
                self.life.initialised = generation;
            }
            BotEvent::UpgradeBegun { number, image } => {
                self.life.upgrade = Some(Upgrade { number, image, outcome: UpgradeOutcome::Pending });
            }
            BotEvent::UpgradeCommitted { number, image } => {
                self.image = image;
                self.life.settle(number, UpgradeOutcome::Committed);
            }
            BotEvent::UpgradeRolledBack { number, reason, .. } => {
                self.life.settle(number, UpgradeOutcome::RolledBack { reason });
            }
            BotEvent::EgressSet { allow } => self.egress = allow,
            BotEvent::ConfigSet { version, sha256, config_text, .. } => {
                self.config.then(version, sha256, &config_text);
            }
            BotEvent::StartRequested {} => self.desired = Desired::Running,
            BotEvent::StopRequested {} => self.desired = Desired::Stopped,
            BotEvent::MoveRequested { to, vacated, .. } => {
                self.placement.moving = Some(Moving { to, vacated });
            }
            BotEvent::MoveCancelled {} => self.placement.moving = None,
            BotEvent::LetGo { .. } => {
                self.placement.moving.as_mut().into_iter().for_each(|moving| moving.vacated = true);
            }
            BotEvent::Placed { host_id, from } => self.placement.arrive(host_id, from),
            BotEvent::Left { host_id } => self.placement.left.retain(|left| *left != host_id),
            BotEvent::Deleted { keep_data, .. } => {
                self.desired = Desired::Deleted;
                self.life.keep_data = keep_data;
                self.token = None;
                self.earlier = Vec::new();
            }
            BotEvent::Observed { observation } => self.observed = observation,
            BotEvent::Removed { .. } => self.removed = true,
        }
    }
}

crate::aggregate::impl_aggregate!(Bot, "bot");
