//! A bot as a client sees it. Its token is seen once, in the answer that creates it.

use super::{
    fallbacks::{self, FallbackDto},
    new::ModelDto,
    setup::UpgradeDto,
};
use crate::{ApiState, bots::Created, quotas::QuotaDto};
use chrono::{DateTime, Utc};
use clawplane_domain::bot::{BotState, Desired, Limits, ModelChoice};
use clawplane_projections::{BotRow, BotStats};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// A bot.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Bot)]
pub(crate) struct BotDto {
    /// Its id, which no other bot ever gets.
    id: Uuid,
    /// Its name in the API.
    #[schema(example = "support-bot")]
    hostname: String,
    /// Its name for people.
    #[schema(example = "Support bot")]
    name: String,
    /// Its container image.
    #[schema(example = "ghcr.io/openclaw/openclaw:latest")]
    image: String,
    /// Its loopback port on the host.
    #[schema(example = 9200)]
    port: u16,
    /// Provider keys with one of these tags are preferred for its requests.
    tags: Vec<String>,
    /// The models it may use; the first is its primary one.
    models: Vec<ModelDto>,
    /// Its container's limits.
    #[schema(value_type = LimitsDto)]
    limits: Limits,
    /// The host that it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "local")]
    host: Option<String>,
    /// What its host has to have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    host_labels: Vec<String>,
    /// The host that it is on its way to.
    #[serde(skip_serializing_if = "Option::is_none")]
    moving_to: Option<String>,
    /// What its owner wants: `running` or `stopped`.
    #[schema(value_type = String, example = "running")]
    desired: Desired,
    /// What was last seen of it: `created`, `starting`, `running`, `unhealthy`, `stopping`, `stopped`, `failed`,
    /// `deleting`, or `unknown` while its host is lost.
    #[schema(value_type = String, example = "running")]
    state: BotState,
    /// Why it is in that state.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Since when it is in that state.
    state_since: DateTime<Utc>,
    /// The engine's id of its container.
    #[serde(skip_serializing_if = "Option::is_none")]
    container_id: Option<String>,
    /// The exit code of a container that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i64>,
    /// How often the engine has restarted its container by itself.
    restarts: u32,
    /// Whether it has failed so often that nothing starts it again until somebody asks for it.
    left_alone: bool,
    /// Switches.
    features: BTreeMap<String, bool>,
    /// Environment variables of its process.
    environment: BTreeMap<String, String>,
    /// Its last upgrade; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    upgrade: Option<UpgradeDto>,
    /// The only models that it may use through the proxy; absent when it may use all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["gpt-4o*"]))]
    allowed_models: Option<Vec<String>>,
    /// The only vendors that it may use through the proxy; absent when it may use all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(["openai"]))]
    allowed_vendors: Option<Vec<String>>,
    /// Whether it has a gateway token; not once its tokens were revoked, until it gets another.
    has_gateway_token: bool,
    /// The vendors that stand in for others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fallbacks: Vec<FallbackDto>,
    /// Where it may go on the web; absent when nowhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["api.github.com:443"]))]
    egress: Vec<String>,
    /// When its gateway token ends; absent when it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway_token_expires_at: Option<DateTime<Utc>>,
    /// Its limits on tokens, money and rate; absent when none were ever set.
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<QuotaDto>,
    /// The user who made it.
    created_by: Uuid,
    /// When.
    created_at: DateTime<Utc>,
}

/// A bot that was just made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatedBot {
    /// The bot.
    #[serde(flatten)]
    bot: BotDto,
    /// What the bot presents to the proxy, and whoever talks to the bot to it. Shown this once.
    #[schema(example = "cp_q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA")]
    gateway_token: String,
}

/// A container's limits.
#[derive(ToSchema)]
#[schema(as = Limits, rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used: the domain's own type is serialised")]
pub(crate) struct LimitsDto {
    /// Memory, in MiB.
    #[schema(example = 2048)]
    memory_mib: u32,
    /// CPU time, in thousandths of a core.
    #[schema(example = 1000)]
    cpu_millis: u32,
    /// Processes and threads.
    #[schema(example = 512)]
    pids: u32,
    /// What its folder may hold, in MiB; 10240 when absent.
    #[schema(example = 10_240)]
    disk_mib: Option<u32>,
    /// Its root file system can be written; absent when it cannot.
    writable_root: Option<bool>,
}

impl BotDto {
    /// From the read model.
    pub(super) fn new(api: &ApiState, row: BotRow) -> Self {
        let (state, reason, state_since) = row.shown();
        Self {
            id: row.id.0,
            hostname: row.hostname.into(),
            name: row.name.into(),
            image: row.image.unwrap_or_else(|| api.default_image.clone()).into(),
            port: row.port,
            tags: row.tags.into_iter().map(Into::into).collect(),
            models: row.models.into_iter().map(model).collect(),
            limits: row.limits,
            desired: row.desired,
            host: row.host.name.map(Into::into),
            host_labels: texts(row.placement.labels),
            moving_to: row.host.moving_to.map(Into::into),
            state,
            reason,
            state_since,
            container_id: row.observed.container_id,
            exit_code: row.observed.exit_code,
            restarts: row.observed.restarts,
            left_alone: row.observed.left_alone,
            features: row.life.features.into_iter().map(|(name, on)| (name.into(), on)).collect(),
            environment: row
                .life
                .environment
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            upgrade: row.life.upgrade.map(|upgrade| UpgradeDto::new(api, upgrade)),
            allowed_models: row.access.allowed_models.map(texts),
            allowed_vendors: row.access.allowed_vendors.map(texts),
            has_gateway_token: row.token.is_some(),
            fallbacks: fallbacks::shown(api, row.fallbacks),
            egress: texts(row.egress),
            gateway_token_expires_at: row.token.and_then(|token| token.expires_at),
            quota: row.quota.map(Into::into),
            created_by: row.created_by.0,
            created_at: row.created_at,
        }
    }
}

impl CreatedBot {
    /// With its token.
    pub(crate) fn new(api: &ApiState, created: Created) -> Self {
        let gateway_token = created.plain_token.expose().to_owned();
        Self { bot: BotDto::new(api, created.row), gateway_token }
    }

    /// Where the bot is found.
    pub(super) fn location(&self) -> String {
        format!("/api/bot/{}", self.bot.hostname)
    }
}

pub(super) fn texts<T: Into<String>>(values: Vec<T>) -> Vec<String> {
    values.into_iter().map(Into::into).collect()
}

fn model(choice: ModelChoice) -> ModelDto {
    ModelDto { vendor: choice.vendor.into(), model: choice.model.into() }
}

/// How many bots there are.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BotStats)]
pub(crate) struct BotStatsDto {
    /// All of them.
    #[schema(example = 3)]
    total: u64,
    /// No container yet.
    created: u64,
    /// On the way up.
    starting: u64,
    /// Running and healthy.
    running: u64,
    /// Running, but not healthy.
    unhealthy: u64,
    /// On the way down.
    stopping: u64,
    /// Not running.
    stopped: u64,
    /// Failed.
    failed: u64,
    /// Not known: their host is lost.
    unknown: u64,
    /// Wanted running.
    desired_running: u64,
    /// Wanted stopped.
    desired_stopped: u64,
}

impl From<BotStats> for BotStatsDto {
    fn from(stats: BotStats) -> Self {
        Self {
            total: stats.total,
            created: stats.created,
            starting: stats.starting,
            running: stats.running,
            unhealthy: stats.unhealthy,
            stopping: stats.stopping,
            stopped: stats.stopped,
            failed: stats.failed,
            unknown: stats.unknown,
            desired_running: stats.desired_running,
            desired_stopped: stats.desired_stopped,
        }
    }
}
