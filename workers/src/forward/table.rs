//! The forwarders of all bots.

use super::Forwarder;
use crate::runtime::BotNetwork;
use clawplane_domain::BotId;
use std::{collections::HashMap, net::SocketAddr};
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

/// The forwarders of all bots on this host.
#[derive(Debug)]
pub struct Forwards {
    open: Mutex<HashMap<(BotId, Way), Forwarder>>,
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

impl Forwards {
    /// None yet. Their tasks are the tracker's.
    pub fn new(tracker: TaskTracker, shutdown: CancellationToken) -> Self {
        Self { open: Mutex::default(), tracker, shutdown }
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
        let mut open = self.open.lock().await;
        match open.remove(&(bot, way)) {
            Some(forwarder) if forwarder.listen() == listen && forwarder.is_open() => {
                forwarder.set_target(target);
                open.insert((bot, way), forwarder);
                return Ok(());
            }
            Some(stale) => stale.close().await,
            None => {}
        }
        let bound = Forwarder::bind(listen, target, from, &self.tracker, &self.shutdown).await;
        let forwarder = bound.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
        open.insert((bot, way), forwarder);
        Ok(())
    }

    /// Closes both ways of a bot.
    pub async fn remove(&self, bot: BotId) {
        let mut open = self.open.lock().await;
        for way in [Way::Egress, Way::Ingress] {
            if let Some(forwarder) = open.remove(&(bot, way)) {
                forwarder.close().await;
            }
        }
    }

    /// Closes all of them.
    pub async fn close_all(&self) {
        let mut open = self.open.lock().await;
        for (_, forwarder) in open.drain() {
            forwarder.close().await;
        }
    }

    /// Whether a way of a bot is open.
    pub async fn is_open(&self, bot: BotId, way: Way) -> bool {
        self.open.lock().await.get(&(bot, way)).is_some_and(Forwarder::is_open)
    }
}
