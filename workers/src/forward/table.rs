//! The forwarders of all bots.

use super::Forwarder;
use crate::{
    egress::{Rules, Web, WebProxy, Whose},
    runtime::BotNetwork,
};
use clawplane_domain::{BotId, HostId};
use std::{collections::HashMap, net::SocketAddr, sync::Arc};
use tokio::{net::TcpListener, sync::Mutex};
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
    /// This host's alone: a way to the web is on the network of one host.
    webs: Mutex<HashMap<BotId, WebProxy>>,
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
        Self { owner: HostId::LOCAL, open: Arc::default(), webs: Mutex::default(), tracker, shutdown }
    }

    /// Those of another host, in the same table.
    #[must_use]
    pub fn of_host(&self, owner: HostId) -> Self {
        Self {
            owner,
            open: Arc::clone(&self.open),
            webs: Mutex::default(),
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

    /// Whether `listen` is a bot's already, or can be had.
    pub async fn can_have(&self, bot: BotId, way: Way, listen: SocketAddr) -> bool {
        let open = self.open.lock().await;
        if open
            .get(&(bot, way))
            .is_some_and(|own| own.forwarder.listen() == listen && own.forwarder.is_open())
        {
            return true;
        }
        let bound = TcpListener::bind(listen).await;
        !bound.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
    }

    /// Sees to it that a bot finds its way to the web at `listen`, on its network `from`. The error is for people.
    pub async fn ensure_web(
        &self,
        whose: Whose,
        listen: SocketAddr,
        from: BotNetwork,
        rules: Rules,
        web: &Web,
    ) -> Result<(), String> {
        let mut webs = self.webs.lock().await;
        match webs.remove(&whose.bot) {
            Some(open) if open.listen() == listen && open.is_open() => {
                open.set_rules(rules);
                webs.insert(whose.bot, open);
                return Ok(());
            }
            Some(stale) => stale.close().await,
            None => {}
        }
        let bound = WebProxy::bind(whose, listen, from, rules, web, &self.tracker, &self.shutdown).await;
        let open = bound.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
        webs.insert(whose.bot, open);
        Ok(())
    }

    /// Closes a bot's way to the web.
    pub async fn close_web(&self, bot: BotId) {
        if let Some(open) = self.webs.lock().await.remove(&bot) {
            open.close().await;
        }
    }

    /// Closes all ways of a bot. What another host opened for it meanwhile stays.
    pub async fn remove(&self, bot: BotId) {
        self.close_web(bot).await;
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
        for (_, web) in self.webs.lock().await.drain() {
            web.close().await;
        }
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
