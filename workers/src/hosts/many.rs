//! All machines of an installation, each reached when it is first needed.

use super::{Engines, Host, HostCatalog, Hosts};
use crate::{
    docker_worker::{BoxError, HostFolders},
    runtime::RuntimeError,
};
use async_trait::async_trait;
use clawplane_domain::{
    BotId, HostId,
    host::{AddHost, HostProfile},
};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

/// Each host with how it is reached.
type Reached = HashMap<HostId, (AddHost, Arc<Host>)>;

/// All machines. Clones share them.
#[derive(Clone)]
pub struct ManyHosts {
    catalog: Arc<dyn HostCatalog>,
    engines: Arc<dyn Engines>,
    own: Arc<Host>,
    reached: Arc<Mutex<Reached>>,
}

impl ManyHosts {
    /// Those of the catalog; `own` is the local one, which is there before anybody has added it.
    pub fn new(catalog: Arc<dyn HostCatalog>, engines: Arc<dyn Engines>, own: Arc<Host>) -> Self {
        Self { catalog, engines, own, reached: Arc::default() }
    }

    /// The local one.
    pub fn own(&self) -> &Arc<Host> {
        &self.own
    }

    /// The catalog.
    pub fn catalog(&self) -> &Arc<dyn HostCatalog> {
        &self.catalog
    }

    /// The way to a host; the same one as long as it is reached in the same way.
    pub async fn reach(&self, host: &AddHost) -> Result<Arc<Host>, BoxError> {
        if let Some((how, known)) = self.known().get(&host.id)
            && same_way(how, host)
        {
            return Ok(Arc::clone(known));
        }
        let made = self.engines.reach(host).await?;
        self.known().insert(host.id, (host.clone(), Arc::clone(&made)));
        Ok(made)
    }

    /// Forgets the ways to hosts that are none any more.
    pub(super) fn keep_only(&self, hosts: &[HostProfile]) {
        self.known().retain(|id, _| hosts.iter().any(|host| host.host.id == *id));
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Reached> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn profile(&self, id: HostId) -> Result<Option<HostProfile>, BoxError> {
        Ok(self.catalog.hosts().await?.into_iter().find(|host| host.host.id == id))
    }
}

/// Whether labels and the like are all that is different.
pub(super) fn same_way(a: &AddHost, b: &AddHost) -> bool {
    (&a.engine, &a.tls, &a.data_dir) == (&b.engine, &b.tls, &b.data_dir)
}

#[async_trait]
impl Hosts for ManyHosts {
    async fn of(&self, bot: BotId) -> Result<Arc<Host>, RuntimeError> {
        let unknown = |error: BoxError| RuntimeError::Unavailable { reason: error.to_string() };
        let host = self.catalog.host_of(bot).await.map_err(unknown)?.unwrap_or_default();
        if host.is_local() {
            return Ok(Arc::clone(&self.own));
        }
        let Some(profile) = self.profile(host).await.map_err(unknown)? else {
            return Err(RuntimeError::Unavailable { reason: "its host was removed".to_owned() });
        };
        self.reach(&profile.host).await.map_err(unknown)
    }

    async fn all(&self) -> Vec<Arc<Host>> {
        let profiles = self.catalog.hosts().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the hosts cannot be read; only the local one is looked at");
            Vec::new()
        });
        let mut hosts = vec![Arc::clone(&self.own)];
        for profile in profiles.iter().filter(|profile| !profile.host.id.is_local()) {
            match self.reach(&profile.host).await {
                Ok(host) => hosts.push(host),
                Err(error) => tracing::warn!(host = %profile.host.name, %error, "a host cannot be reached"),
            }
        }
        hosts
    }
}

#[async_trait]
impl HostFolders for ManyHosts {
    async fn folder_of(&self, host: HostId) -> Option<PathBuf> {
        if host.is_local() {
            return Some(self.own.workspaces.root().to_owned());
        }
        let profile = self.profile(host).await.ok()??;
        Some(PathBuf::from(profile.host.data_dir.as_str()))
    }
}
