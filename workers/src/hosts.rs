//! The machines that bots are placed on, as this process reaches them, and the worker that looks after them.
//!
//! [`ManyHosts`] reaches them. [`HostsWorker`] gives each host that this process leads a Docker worker of its own: of all
//! worker processes one leads a host, by a lease in Postgres.

mod engines;
mod holder;
mod lead;
mod many;
mod watch;
mod worker;

pub use engines::{DockerEngines, Engines, HostCatalog};
pub use holder::Holder;
pub use many::ManyHosts;
pub use worker::{HostsWorker, HostsWorkerConfig, HostsWorkerParts};

use crate::{
    runtime::{Runtime, RuntimeError},
    workspace::Workspaces,
};
use async_trait::async_trait;
use clawplane_domain::BotId;
use std::{fmt, sync::Arc};

/// A machine with a container engine.
pub struct Host {
    /// Its engine.
    pub runtime: Arc<dyn Runtime>,
    /// The folders of its bots.
    pub workspaces: Workspaces,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("workspaces", &self.workspaces).finish_non_exhaustive()
    }
}

/// All machines, and which of them a bot is on.
#[async_trait]
pub trait Hosts: Send + Sync + 'static {
    /// The machine that a bot is placed on.
    async fn of(&self, bot: BotId) -> Result<Arc<Host>, RuntimeError>;
    /// Every machine that this process can reach.
    async fn all(&self) -> Vec<Arc<Host>>;
}

/// The machine that the platform itself runs on, and no other.
#[derive(Debug)]
pub struct OneHost(Arc<Host>);

impl OneHost {
    /// This one.
    pub fn new(host: Host) -> Self {
        Self(Arc::new(host))
    }
}

#[async_trait]
impl Hosts for OneHost {
    async fn of(&self, _bot: BotId) -> Result<Arc<Host>, RuntimeError> {
        Ok(Arc::clone(&self.0))
    }

    async fn all(&self) -> Vec<Arc<Host>> {
        vec![Arc::clone(&self.0)]
    }
}
