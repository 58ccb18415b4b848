//! What the Docker worker needs from the rest of the platform, as traits.
//!
//! The read model of the bots and the composition live further out; `cli` hands them in.

use async_trait::async_trait;
use clawplane_domain::{
    Actor, BotId, HostId, Metadata, Secret, TenantId,
    bot::{
        Bot, BotCommand, BotRefusal, Desired, EgressRule, GatewayToken, Life, Limits, ModelChoice,
        Observation, Placement, RefusedEgress,
    },
    clock::Clock,
    openclaw::platform::Platform,
    sealed::bound_to_bot,
    values::{Hostname, ImageRef, Label, Tag},
};
use clawplane_eventstore::{ExecuteError, Executor, Position, Vault};
use serde::Serialize;
use std::sync::Arc;

/// Any error, for people.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A bot as the read model has it: what it should be, and what was last seen of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DesiredBot {
    /// Its id.
    pub id: BotId,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its name in the API.
    pub hostname: Hostname,
    /// Its name for people.
    pub name: Label,
    /// Its own image, else the platform's default.
    pub image: Option<ImageRef>,
    /// Its loopback port on the host.
    pub port: u16,
    /// Chooses provider keys.
    pub tags: Vec<Tag>,
    /// The models it may use; the first is its primary one.
    pub models: Vec<ModelChoice>,
    /// Its container's limits.
    pub limits: Limits,
    /// The version of its configuration; 0 is what the platform makes.
    pub config_version: u64,
    /// Which host it is on, or going to.
    pub placement: Placement,
    /// Its gateway token; a deleted bot has none.
    pub token: Option<GatewayToken>,
    /// What else it was given, and how often it was to begin anew.
    pub life: Life,
    /// Where it may go on the web; nowhere when empty.
    pub egress: Vec<EgressRule>,
    /// What its owner wants.
    pub desired: Desired,
    /// What was last seen of it.
    pub observed: Observation,
}

impl DesiredBot {
    /// The image that its container is made from now: the one that is tried, else its own; `None` is the default.
    pub(super) fn image_now(&self) -> Option<&ImageRef> {
        self.life.trial().map_or(self.image.as_ref(), |trial| trial.image.as_ref())
    }

    /// What of it stands in its configuration.
    pub fn platform(&self) -> Platform<'_> {
        Platform { port: self.port, models: &self.models }
    }

    /// Whether the same is wanted of both, whatever was seen of them.
    pub(super) fn same_wish(&self, other: &Self) -> bool {
        let names =
            |bot: &Self| (bot.hostname.clone(), bot.name.clone(), bot.image.clone(), bot.token.clone());
        (self.desired, self.port, self.limits) == (other.desired, other.port, other.limits)
            && self.config_version == other.config_version
            && self.models == other.models
            && self.tags == other.tags
            && self.life == other.life
            && self.egress == other.egress
            && self.placement == other.placement
            && names(self) == names(other)
    }
}

/// The read model of the bots.
#[async_trait]
pub trait DesiredBots: Send + Sync + 'static {
    /// Every tenant's bots, those included that are deleted and not yet removed. Waits, bounded, until the read model
    /// has come at least to `at_least`, and answers then in any case.
    async fn present(&self, at_least: Option<Position>) -> Result<Vec<DesiredBot>, BoxError>;
    /// The text of a version of a bot's configuration; `None` when it cannot be found, also after a bounded wait.
    async fn config(&self, bot: BotId, tenant: TenantId, version: u64) -> Result<Option<String>, BoxError>;
}

/// Where the worker reports to.
#[async_trait]
pub trait BotReports: Send + Sync + 'static {
    /// What was seen of a bot.
    async fn observe(&self, bot: BotId, tenant: TenantId, seen: Observation) -> Result<(), BoxError>;
    /// How an upgrade ended: well, or with the reason why it did not.
    async fn settle_upgrade(
        &self,
        bot: BotId,
        tenant: TenantId,
        number: u32,
        failed: Option<String>,
    ) -> Result<(), BoxError>;
    /// The persona that a bot was made with. Asked when its folder begins.
    async fn persona(&self, bot: BotId) -> Result<Option<String>, BoxError>;
    /// Nothing of a deleted bot is left on the host.
    async fn confirm_removed(&self, bot: BotId, tenant: TenantId) -> Result<(), BoxError>;
    /// A bot wanted to go to a place on the web that it may not go to.
    async fn egress_refused(
        &self,
        bot: BotId,
        tenant: TenantId,
        refused: RefusedEgress,
    ) -> Result<(), BoxError>;
    /// How far a bot's move has come on a host.
    async fn moved(
        &self,
        bot: BotId,
        tenant: TenantId,
        host: HostId,
        step: MoveStep,
    ) -> Result<Heard, BoxError>;
}

/// A step of a move that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveStep {
    /// The host has no container of the bot any more.
    LetGo,
    /// The host has the bot's data.
    Taken,
    /// The host, which the bot left, has nothing of it any more.
    Forgotten,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It counts.
    Taken,
    /// Nobody wants that any more.
    TooLate,
}

/// Opens gateway tokens, which a bot's own config has to carry.
#[async_trait]
pub trait GatewayTokens: Send + Sync + 'static {
    /// The token in plain text.
    async fn open(&self, bot: BotId, tenant: TenantId, token: &GatewayToken) -> Result<Secret, BoxError>;
}

/// Reports as commands to the bot's stream.
pub struct ExecutorReports {
    executor: Executor,
    clock: Arc<dyn Clock>,
}

impl ExecutorReports {
    /// Over an executor.
    pub fn new(executor: Executor, clock: Arc<dyn Clock>) -> Self {
        Self { executor, clock }
    }

    async fn send(&self, bot: BotId, tenant: TenantId, command: BotCommand) -> Result<Heard, BoxError> {
        let metadata = Metadata {
            tenant_id: tenant,
            actor: Actor::system("docker-worker"),
            at: self.clock.now(),
            request_id: None,
            causation: None,
        };
        match self.executor.execute::<Bot>(bot, command, metadata).await {
            Err(ExecuteError::Refused(BotRefusal::NotMoving)) => Ok(Heard::TooLate),
            // It went away meanwhile, or is wanted again: the next pass will see that.
            Ok(_) | Err(ExecuteError::Refused(BotRefusal::Unknown | BotRefusal::NotDeleted)) => {
                Ok(Heard::Taken)
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[async_trait]
impl BotReports for ExecutorReports {
    async fn observe(&self, bot: BotId, tenant: TenantId, seen: Observation) -> Result<(), BoxError> {
        self.send(bot, tenant, BotCommand::Observe(seen)).await.map(|_| ())
    }

    async fn settle_upgrade(
        &self,
        bot: BotId,
        tenant: TenantId,
        number: u32,
        failed: Option<String>,
    ) -> Result<(), BoxError> {
        let command = match failed {
            Some(reason) => BotCommand::RollBackUpgrade { number, reason },
            None => BotCommand::CommitUpgrade { number },
        };
        self.send(bot, tenant, command).await.map(|_| ())
    }

    async fn persona(&self, bot: BotId) -> Result<Option<String>, BoxError> {
        let bot: Bot = self.executor.load(&bot.to_string()).await?;
        Ok(bot.profile.and_then(|bot| bot.life.persona).map(String::from))
    }

    async fn confirm_removed(&self, bot: BotId, tenant: TenantId) -> Result<(), BoxError> {
        self.send(bot, tenant, BotCommand::ConfirmRemoved).await.map(|_| ())
    }

    async fn moved(
        &self,
        bot: BotId,
        tenant: TenantId,
        host: HostId,
        step: MoveStep,
    ) -> Result<Heard, BoxError> {
        let command = match step {
            MoveStep::LetGo => BotCommand::Vacated(host),
            MoveStep::Taken => BotCommand::Arrived(host),
            MoveStep::Forgotten => BotCommand::Forgotten(host),
        };
        self.send(bot, tenant, command).await
    }

    async fn egress_refused(
        &self,
        bot: BotId,
        tenant: TenantId,
        refused: RefusedEgress,
    ) -> Result<(), BoxError> {
        self.send(bot, tenant, BotCommand::NoteEgressRefused(refused)).await.map(|_| ())
    }
}

/// Gateway tokens as the vault seals them.
pub struct VaultTokens(pub Vault);

#[async_trait]
impl GatewayTokens for VaultTokens {
    async fn open(&self, bot: BotId, tenant: TenantId, token: &GatewayToken) -> Result<Secret, BoxError> {
        Ok(self.0.open(&token.sealed, &bound_to_bot(tenant, bot)).await?)
    }
}
