//! One time during which this process leads a host: which host it is, and until when it may act there.

use async_trait::async_trait;
use clawplane_domain::HostId;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::time::Instant;

/// Where other hosts have their bots' folders.
#[async_trait]
pub trait HostFolders: Send + Sync + 'static {
    /// The data folder of a host, as its own worker sees it; `None` when nobody knows the host.
    async fn folder_of(&self, host: HostId) -> Option<PathBuf>;
}

/// There is one host only.
#[derive(Clone, Copy, Debug)]
pub struct NoOtherHosts;

#[async_trait]
impl HostFolders for NoOtherHosts {
    async fn folder_of(&self, _host: HostId) -> Option<PathBuf> {
        None
    }
}

/// A time of leading a host. Clones share it.
#[derive(Clone)]
pub struct Term {
    host: HostId,
    folders: Arc<dyn HostFolders>,
    /// `None` is for ever.
    until: Arc<Mutex<Option<Instant>>>,
}

impl Term {
    /// On `host`, until then.
    pub fn new(host: HostId, folders: Arc<dyn HostFolders>, until: Instant) -> Self {
        Self { host, folders, until: Arc::new(Mutex::new(Some(until))) }
    }

    /// On the local host, with nobody else about.
    pub fn alone() -> Self {
        Self { host: HostId::LOCAL, folders: Arc::new(NoOtherHosts), until: Arc::default() }
    }

    /// It was renewed.
    pub fn extend(&self, until: Instant) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// Whether this process may act.
    pub fn is_held(&self) -> bool {
        self.until.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|until| Instant::now() < until)
    }

    /// The host.
    pub fn host(&self) -> HostId {
        self.host
    }

    pub(super) fn folders(&self) -> &dyn HostFolders {
        &*self.folders
    }
}
