//! The installation as its administrators see it: what the API asks of the hosts, which it does not know.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use clawplane_domain::upkeep::Leftover;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A host, with its engine and the disk of its bots' folders.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostStatus {
    /// Its name.
    #[schema(example = "local")]
    pub name: String,
    /// The engine's name and version; absent where it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Docker 29.1")]
    pub engine: Option<String>,
    /// What is wrong, where something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Bytes of the disk that the bots' folders are on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_total_bytes: Option<u64>,
    /// Bytes that can still be written there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_free_bytes: Option<u64>,
}

/// A server that the platform needs.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerStatus {
    /// It answers.
    pub ok: bool,
    /// Its version, as far as it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "15.14")]
    pub version: Option<String>,
}

/// A read model.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadModelStatus {
    /// Its name.
    #[schema(example = "bots")]
    pub name: String,
    /// Events that it has yet to take in.
    pub lag_events: u64,
    /// How long it is behind.
    pub lag_seconds: f64,
    /// Events that it could not take in and has set aside.
    pub parked: u64,
}

/// How the installation is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemStatus {
    /// The platform's own version.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// Postgres.
    pub database: ServerStatus,
    /// NATS, which the platform can do without.
    pub nats: ServerStatus,
    /// The machines that bots are placed on.
    pub hosts: Vec<HostStatus>,
    /// The read models.
    pub read_models: Vec<ReadModelStatus>,
}

/// Something on a host that belongs to no bot.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// The host.
    #[schema(example = "local")]
    pub host: String,
    /// `container`, `network`, `volume` or `folder`.
    #[schema(example = "container")]
    pub kind: String,
    /// The engine's id of it, or its name.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The bot that it says it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<Uuid>,
    /// Why it belongs to none.
    #[schema(example = "there is no such bot")]
    pub why: String,
    /// Why a cleanup leaves it alone; absent where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
    /// When it was made, or last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// What goes into the audit log of it.
    #[serde(skip)]
    pub leftover: Leftover,
}

/// What the doctor found of a bot.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// The bot.
    pub bot_id: Uuid,
    /// Its name in the API.
    #[schema(example = "support-bot")]
    pub hostname: String,
    /// `container`, `labels`, `limits`, `capabilities`, `root`, `mounts`, `ports`, `network`, `image`, `folder`, `config` or `disk`.
    #[schema(example = "network")]
    pub check: String,
    /// `ok`, `note` (as somebody wants it, and worth knowing) or `wrong`.
    #[schema(example = "ok")]
    pub grade: String,
    /// What is wrong, or worth knowing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Looks after the installation. Errors are for people.
#[async_trait]
pub trait System: Send + Sync + 'static {
    /// How everything is; bounded in time.
    async fn status(&self) -> SystemStatus;
    /// What belongs to no bot, on every host.
    async fn orphans(&self) -> Result<Vec<Orphan>, String>;
    /// Removes one of them.
    async fn remove(&self, orphan: &Orphan) -> Result<(), String>;
    /// Compares every bot with what it should be.
    async fn examine(&self) -> Result<Vec<Diagnosis>, String>;
}
