//! The container engine, through bollard: Docker 20.10 or newer, or what speaks its API.
//!
//! One client, made when it is first needed and thrown away when the engine did not answer, so that an engine that
//! was replaced by another version is spoken to in that one's API version.

mod containers;
mod errors;
mod events;
mod firewall;
mod health;
mod images;
mod networks;
pub mod profile;

use super::{
    BotNetwork, ContainerSeen, ContainerSpec, EngineEvent, EngineInfo, PullProgress, Runtime, RuntimeError,
};
use async_trait::async_trait;
use bollard::{API_DEFAULT_VERSION, Docker};
use clawplane_domain::{BotId, Secret, TenantId, values::ImageRef};
use futures::stream::BoxStream;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Where Docker listens, if nobody says otherwise.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
/// Longest wait for the head of an answer; a stop takes its grace, and a create may copy a volume.
const ANSWER_SECONDS: u64 = 120;
/// Longest wait for a sign of life.
const PING: Duration = Duration::from_secs(5);

/// How to reach an engine, and which of its containers are ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerConfig {
    /// `unix:///path` or `tcp://host:port`, as in `DOCKER_HOST`.
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
    client: Mutex<Option<Docker>>,
    firewall: firewall::Firewall,
}

impl DockerRuntime {
    /// Does not connect yet: an engine may come later.
    pub fn new(config: DockerConfig) -> Self {
        Self {
            inner: Arc::new(Inner {
                config,
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
        let client = connect(&self.inner.config.host).map_err(|error| self.fault("connect", error))?;
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

fn connect(host: &str) -> Result<Docker, bollard::errors::Error> {
    match host.split_once("://") {
        Some(("tcp" | "http", _)) => Docker::connect_with_http(host, ANSWER_SECONDS, API_DEFAULT_VERSION),
        _ => Docker::connect_with_unix(host, ANSWER_SECONDS, API_DEFAULT_VERSION),
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
        // Only a local engine's host is this one.
        if self.inner.config.host.starts_with("unix://") {
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

    fn events(&self) -> BoxStream<'static, Result<EngineEvent, RuntimeError>> {
        self.clone().event_stream()
    }
}
