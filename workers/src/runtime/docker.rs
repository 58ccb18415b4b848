//! The container engine, through bollard: Docker 20.10 or newer, or what speaks its API.
//!
//! One client, made when it is first needed and thrown away when the engine did not answer, so that an engine that
//! was replaced by another version is spoken to in that one's API version.

mod belongings;
mod connect;
mod containers;
mod errors;
mod events;
mod exec;
mod firewall;
mod health;
mod images;
mod networks;
mod observe;
mod once;
pub mod profile;

pub use connect::{ClientIdentity, check as check_identity};

use super::{
    BotNetwork, ContainerSeen, ContainerSpec, EngineEvent, EngineInfo, EngineSize, Once, PullProgress,
    Runtime, RuntimeError, belongings::Belongings,
};
use async_trait::async_trait;
use bollard::Docker;
use clawplane_domain::{BotId, Secret, TenantId, upkeep::LeftoverKind, values::ImageRef};
use futures::stream::BoxStream;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Where Docker listens, if nobody says otherwise.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
/// Longest wait for a sign of life.
const PING: Duration = Duration::from_secs(5);

/// How to reach an engine, and which of its containers are ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerConfig {
    /// `unix:///path` or `tcp://host:port`, as in `DOCKER_HOST`, or `ssh://user@host`.
    pub host: String,
    /// This installation's id: containers and networks that carry another one are never touched.
    pub instance: String,
}

/// A Docker engine.
#[derive(Clone)]
pub struct DockerRuntime {
    inner: Arc<Inner>,
}

struct Inner {
    config: DockerConfig,
    identity: Option<ClientIdentity>,
    client: Mutex<Option<Docker>>,
    firewall: firewall::Firewall,
}

impl DockerRuntime {
    /// Does not connect yet: an engine may come later.
    pub fn new(config: DockerConfig) -> Self {
        Self::with_identity(config, None)
    }

    /// As [`DockerRuntime::new`], by mutual TLS where there is an identity.
    pub fn with_identity(config: DockerConfig, identity: Option<ClientIdentity>) -> Self {
        Self {
            inner: Arc::new(Inner {
                config,
                identity,
                client: Mutex::new(None),
                firewall: firewall::Firewall::default(),
            }),
        }
    }

    fn instance(&self) -> &str {
        &self.inner.config.instance
    }

    async fn client(&self) -> Result<Docker, RuntimeError> {
        if let Some(client) = &*self.inner.client.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(client.clone());
        }
        let client = connect::connect(&self.inner.config.host, self.inner.identity.as_ref())?;
        let negotiated = tokio::time::timeout(PING, client.negotiate_version()).await;
        let client = negotiated.map_err(|_| silent())?.map_err(|error| self.fault("negotiate", error))?;
        *self.inner.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        Ok(client)
    }

    /// Types an error, and forgets the client where the engine is gone.
    fn fault(&self, what: &'static str, error: bollard::errors::Error) -> RuntimeError {
        let error = errors::typed(what, error);
        if matches!(error, RuntimeError::Unavailable { .. }) {
            *self.inner.client.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        error
    }
}

fn silent() -> RuntimeError {
    RuntimeError::Unavailable { reason: format!("no answer within {} s", PING.as_secs()) }
}

#[async_trait]
impl Runtime for DockerRuntime {
    async fn info(&self) -> Result<EngineInfo, RuntimeError> {
        let client = self.client().await?;
        let version = tokio::time::timeout(PING, client.version()).await.map_err(|_| silent())?;
        let version = version.map_err(|error| self.fault("version", error))?;
        Ok(EngineInfo { version: format!("Docker {}", version.version.unwrap_or_default()) })
    }

    async fn run_once(&self, once: Once) -> Result<String, RuntimeError> {
        self.run_in_container(once).await
    }

    async fn size(&self) -> Result<Option<EngineSize>, RuntimeError> {
        let client = self.client().await?;
        let info = tokio::time::timeout(PING, client.info()).await.map_err(|_| silent())?;
        let info = info.map_err(|error| self.fault("info", error))?;
        let size = info.mem_total.zip(info.ncpu).and_then(|(bytes, cores)| {
            let (memory_mib, cpu_millis) = (bytes >> 20, cores.checked_mul(1000)?);
            Some(EngineSize {
                memory_mib: memory_mib.try_into().ok()?,
                cpu_millis: cpu_millis.try_into().ok()?,
            })
        });
        Ok(size)
    }

    async fn has_image(&self, image: &ImageRef) -> Result<bool, RuntimeError> {
        self.image_is_here(image).await
    }

    async fn pull_image(
        &self,
        image: &ImageRef,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Result<(), RuntimeError> {
        self.pull(image, progress).await
    }

    async fn ensure_network(
        &self,
        bot: BotId,
        tenant: TenantId,
        egress_port: u16,
    ) -> Result<BotNetwork, RuntimeError> {
        let network = self.network(bot, tenant).await?;
        if networks::is_on_this_machine(bot) {
            self.inner.firewall.ensure(egress_port).await;
        }
        Ok(network)
    }

    async fn list(&self) -> Result<Vec<ContainerSeen>, RuntimeError> {
        self.list_containers(None).await
    }

    async fn inspect(&self, bot: BotId) -> Result<Option<ContainerSeen>, RuntimeError> {
        self.inspect_container(bot).await
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<String, RuntimeError> {
        self.create_container(spec).await
    }

    async fn start(&self, id: &str) -> Result<(), RuntimeError> {
        self.start_container(id).await
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<(), RuntimeError> {
        self.stop_container(id, grace).await
    }

    async fn pause(&self, id: &str) -> Result<(), RuntimeError> {
        self.pause_container(id).await
    }

    async fn unpause(&self, id: &str) -> Result<(), RuntimeError> {
        self.unpause_container(id).await
    }

    async fn remove(&self, id: &str) -> Result<(), RuntimeError> {
        self.remove_container(id).await
    }

    async fn remove_network(&self, bot: BotId) -> Result<(), RuntimeError> {
        self.drop_network(bot).await
    }

    async fn log_tail(&self, id: &str, lines: u32) -> Result<String, RuntimeError> {
        self.last_lines(id, lines).await
    }

    async fn probe(&self, gateway: SocketAddr) -> Result<(), String> {
        health::probe(gateway).await
    }

    async fn takes_token(&self, gateway: SocketAddr, token: &Secret) -> Result<bool, String> {
        health::takes_token(gateway, token).await
    }

    async fn belongings(&self) -> Result<Belongings, RuntimeError> {
        self.look_at_all().await
    }

    async fn remove_leftover(&self, kind: LeftoverKind, id: &str) -> Result<(), RuntimeError> {
        self.remove_one(kind, id).await
    }

    fn events(&self) -> BoxStream<'static, Result<EngineEvent, RuntimeError>> {
        self.clone().event_stream()
    }
}
