//! From what is known of a host to its engine and its bots' folders.

use super::Host;
use crate::{
    docker_worker::BoxError,
    runtime::docker::{ClientIdentity, DockerConfig, DockerRuntime},
    workspace::Workspaces,
};
use async_trait::async_trait;
use clawplane_domain::{
    HostId,
    host::{AddHost, HostProfile},
    sealed::bound_to_host,
};
use clawplane_eventstore::Vault;
use std::{path::Path, sync::Arc};

/// Makes the way to a host. Nothing is connected yet.
#[async_trait]
pub trait Engines: Send + Sync + 'static {
    /// The way to it.
    async fn reach(&self, host: &AddHost) -> Result<Arc<Host>, BoxError>;
}

/// Docker engines.
pub struct DockerEngines {
    /// This installation.
    pub instance: String,
    /// Opens the keys of client certificates.
    pub vault: Vault,
    /// The local host, which this process's own configuration describes.
    pub own: Arc<Host>,
}

#[async_trait]
impl Engines for DockerEngines {
    async fn reach(&self, host: &AddHost) -> Result<Arc<Host>, BoxError> {
        if host.id.is_local() {
            return Ok(Arc::clone(&self.own));
        }
        let identity = match &host.tls {
            Some(tls) => Some(ClientIdentity {
                ca: tls.ca.clone(),
                certificate: tls.certificate.clone(),
                key: self.vault.open(&tls.key, &bound_to_host(host.id)).await?,
            }),
            None => None,
        };
        let config = DockerConfig { host: host.engine.to_string(), instance: self.instance.clone() };
        Ok(Arc::new(Host {
            runtime: Arc::new(DockerRuntime::with_identity(config, identity)),
            workspaces: Workspaces::at(Path::new(host.data_dir.as_str())),
        }))
    }
}

/// What is known of the hosts: the read model, which lives further out.
#[async_trait]
pub trait HostCatalog: Send + Sync + 'static {
    /// All hosts.
    async fn hosts(&self) -> Result<Vec<HostProfile>, BoxError>;
    /// The host that a bot is on; `None` when there is no such bot.
    async fn host_of(&self, bot: clawplane_domain::BotId) -> Result<Option<HostId>, BoxError>;
    /// The bots that have, or are to have, something on a host.
    fn bots_on(&self, host: HostId) -> Arc<dyn crate::docker_worker::DesiredBots>;
}
