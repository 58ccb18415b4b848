//! The forwarders of all bots.

use super::Forwarder;
use crate::runtime::BotNetwork;
use clawplane_domain::{BotId, HostId};
use std::{collections::HashMap, net::SocketAddr, sync::Arc};
use tokio::sync::Mutex;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Which of a bot's two forwarders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// From the bot to the proxy.
    Egress,
    /// From the host to the bot's gateway.
    Ingress,
}

/// The forwarders of all bots on a host. Those of all hosts that a process leads share one table: a bot that comes from
/// another host takes its port along.
#[derive(Debug)]
pub struct Forwards {
    owner: HostId,
    open: Arc<Mutex<HashMap<(BotId, Way), Owned>>>,
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

#[derive(Debug)]
struct Owned {
    owner: HostId,
    forwarder: Forwarder,
}

impl Forwards {
    /// None yet, of the local host. Their tasks are the tracker's.
    pub fn new(tracker: TaskTracker, shutdown: CancellationToken) -> Self {
        Self { owner: HostId::LOCAL, open: Arc::default(), tracker, shutdown }
    }

    /// Those of another host, in the same table.
    #[must_use]
    pub fn of_host(&self, owner: HostId) -> Self {
        Self {
            owner,
            open: Arc::clone(&self.open),
            tracker: self.tracker.clone(),
            shutdown: self.shutdown.clone(),
        }
    }

    /// Sees to it that `listen` leads to `target`, for connections from `from` if given. The error is for people.
    pub async fn ensure(
        &self,
        bot: BotId,
        way: Way,
        listen: SocketAddr,
        target: SocketAddr,
        from: Option<BotNetwork>,
    ) -> Result<(), String> {
        let (mut open, owner) = (self.open.lock().await, self.owner);
        match open.remove(&(bot, way)) {
            Some(Owned { forwarder, .. }) if forwarder.listen() == listen && forwarder.is_open() => {
                forwarder.set_target(target);
                open.insert((bot, way), Owned { owner, forwarder });
                return Ok(());
            }
            Some(stale) => stale.forwarder.close().await,
            None => {}
        }
        let bound = Forwarder::bind(listen, target, from, &self.tracker, &self.shutdown).await;
        let forwarder = bound.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
        open.insert((bot, way), Owned { owner, forwarder });
        Ok(())
    }

    /// Closes both ways of a bot. What another host opened for it meanwhile stays.
    pub async fn remove(&self, bot: BotId) {
        let mut open = self.open.lock().await;
        for way in [Way::Egress, Way::Ingress] {
            if open.get(&(bot, way)).is_some_and(|one| one.owner == self.owner)
                && let Some(one) = open.remove(&(bot, way))
            {
                one.forwarder.close().await;
            }
        }
    }

    /// Closes all of this host.
    pub async fn close_all(&self) {
        let mut open = self.open.lock().await;
        let ours: Vec<_> =
            open.iter().filter(|(_, one)| one.owner == self.owner).map(|(key, _)| *key).collect();
        for key in ours {
            if let Some(one) = open.remove(&key) {
                one.forwarder.close().await;
            }
        }
    }

    /// Whether a way of a bot is open.
    pub async fn is_open(&self, bot: BotId, way: Way) -> bool {
        self.open.lock().await.get(&(bot, way)).is_some_and(|one| one.forwarder.is_open())
    }
}
