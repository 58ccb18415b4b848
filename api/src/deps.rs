//! What the API is built from, and the traits through which it asks the crates that it does not know.

use crate::BackupArchives;
use crate::ports::space::BotSpace;
use crate::system::System;
use crate::{
    ingress::{IngressDomain, Tunnels},
    ports::machines::Machines,
};
use async_trait::async_trait;
use clawplane_domain::{
    Secret,
    clock::{Clock, Ids},
    provider_key::{AddKey, ApiType},
    values::{BaseUrl, ImageRef, VendorId},
};
use clawplane_eventstore::{ClaimTable, Executor, JobProgress, Position, TokenIssuer, Vault};
use clawplane_projections::Views;
use metrics_exporter_prometheus::PrometheusHandle;
use std::{sync::Arc, time::Duration};

/// Everything that the API works with.
#[derive(Clone)]
pub struct ApiDeps {
    /// Takes the commands.
    pub executor: Executor,
    /// Names that are taken: addresses at sign-in, hostnames in paths, ports.
    pub claims: ClaimTable,
    /// Seals secrets.
    pub vault: Vault,
    /// The read models.
    pub views: Views,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and chance.
    pub ids: Arc<dyn Ids>,
    /// How access and refresh tokens are made.
    pub tokens: TokenConfig,
    /// Gives bots gateway tokens.
    pub issuer: TokenIssuer,
    /// The first port that a bot may get.
    pub port_start: u16,
    /// The image of bots that name none.
    pub default_image: ImageRef,
    /// Knows the vendor table.
    pub vendors: Arc<dyn VendorRules>,
    /// Reads the archives of backups.
    pub archives: Arc<dyn BackupArchives>,
    /// Knows how far long jobs are.
    pub progress: JobProgress,
    /// Asks vendors about keys.
    pub verifier: Arc<dyn KeyVerifier>,
    /// Knows which ports of the bots' host others have.
    pub ports: Arc<dyn HostPorts>,
    /// Knows whether bots can be started.
    pub engine: Arc<dyn EngineGate>,
    /// The machines that the bots are on.
    pub machines: Arc<dyn Machines>,
    /// Where the bots' own hosts are, if they have any.
    pub ingress: Option<IngressDomain>,
    /// Keeps connections that outlive their requests.
    pub tunnels: Tunnels,
    /// Looks after the installation's hosts.
    pub system: Arc<dyn System>,
    /// Bots' folders, on whatever host they are.
    pub space: Arc<dyn BotSpace>,
    /// Knows how the parts of the platform are.
    pub health: Arc<dyn HealthChecks>,
    /// The proxy of this process, where there is one.
    pub proxy: Option<Arc<dyn DataPath>>,
    /// Renders the metrics; without it `/metrics` is empty.
    pub metrics: Option<PrometheusHandle>,
}

/// How tokens are made.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// Signs access tokens (HS256) and keys the fingerprints of idempotent commands; at least 32 bytes that nobody
    /// can guess. All processes of an installation share it.
    pub signing_secret: Secret,
    /// How long an access token is good.
    pub access_ttl: Duration,
    /// How long a refresh token is good; each use starts it again.
    pub refresh_ttl: Duration,
}

impl TokenConfig {
    /// The usual times: 15 minutes and 30 days.
    pub fn new(signing_secret: Secret) -> Self {
        Self {
            signing_secret,
            access_ttl: Duration::from_mins(15),
            refresh_ttl: Duration::from_hours(30 * 24),
        }
    }
}

/// A field of a request that cannot be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {message}")]
pub struct FieldError {
    /// The field, as the API names it.
    pub field: String,
    /// What it must be, for people. Never repeats a secret.
    pub message: String,
}

impl FieldError {
    /// About `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// The rules of the vendor table, which the proxy owns.
pub trait VendorRules: Send + Sync + 'static {
    /// Whether the vendor table has this vendor.
    fn knows(&self, vendor: &VendorId) -> bool;
    /// The wire formats in which `to` can stand in for `from`; empty when there is none.
    fn shared_formats(&self, from: &VendorId, to: &VendorId) -> Vec<&'static str>;
    /// Whether a key of this vendor may have this address and format. An address that the proxy must not reach
    /// (a private network, a metadata service) is refused here.
    fn check(
        &self,
        vendor: &VendorId,
        base_url: Option<&BaseUrl>,
        api_type: Option<ApiType>,
    ) -> Result<(), FieldError>;
}

/// What a vendor said about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The vendor takes it, and it can be used now.
    pub ok: bool,
    /// The status of the vendor's answer; `None` where there was none.
    pub status: Option<u16>,
    /// Stable: `ok`, `refused`, `rate_limited`, ...
    pub code: String,
    /// From the call to its answer, in milliseconds.
    pub latency_ms: u64,
    /// In words. Never repeats a secret.
    pub detail: String,
}

/// Asks vendors whether they take a key, which only the proxy can.
#[async_trait]
pub trait KeyVerifier: Send + Sync + 'static {
    /// Makes a real, cheap call with the key, bounded in time. `Err` says for people why none could be made.
    async fn verify(&self, key: &AddKey) -> Result<Verification, String>;
}

/// The data path, which follows the events like everybody else.
#[async_trait]
pub trait DataPath: Send + Sync + 'static {
    /// Waits until what happened up to `position` counts there. False after `at_most`.
    async fn caught_up(&self, position: Position, at_most: Duration) -> bool;
}

/// Whether containers can be had.
#[async_trait]
pub trait EngineGate: Send + Sync + 'static {
    /// `Err` says for people why no bot can be started now on the local host.
    async fn available(&self) -> Result<(), String>;

    /// Whether certificates and key of a host's client, in PEM, can be used: `Err` says for people why not.
    fn check_identity(&self, _ca: &str, _certificate: &str, _key: &Secret) -> Result<(), String> {
        Ok(())
    }
}

/// The ports of the host that bots are on.
pub trait HostPorts: Send + Sync + 'static {
    /// Whether nobody listens on this loopback port now. Where it cannot be known, nobody does.
    fn is_free(&self, port: u16) -> bool;
}

/// How a part of the platform is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartStatus {
    /// It works.
    Ok,
    /// It is away or behind, and others go on without it.
    Degraded,
    /// It is away, and nothing goes on without it. Only this makes the whole answer 503.
    Down,
}

/// One part with its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartHealth {
    /// `database`, `nats`, `docker`, `projections`, ...
    pub name: String,
    /// How it is.
    pub status: PartStatus,
    /// Why, for people. Everybody can read it: no address, no secret.
    pub detail: Option<String>,
}

/// Looks after the parts of the platform.
#[async_trait]
pub trait HealthChecks: Send + Sync + 'static {
    /// Every part, looked at now or a moment ago. The API waits 5 s at most.
    async fn parts(&self) -> Vec<PartHealth>;
}
