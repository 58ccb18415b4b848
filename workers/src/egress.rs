//! The way to the web for bots that need one: a forward proxy on the bot's own network that leads where its list says.
//!
//! A bot is known by the network that it comes from, so there are no credentials. The list is looked at for each
//! connection, and again when it changes: a way that is not on it any more is cut. With an empty list nothing listens.

mod activity;
mod guard;
mod refusals;
mod serve;

pub use guard::{Denied, Guard, Places, Resolve, SystemResolver};
pub use refusals::{Refusals, Reports};

use crate::runtime::BotNetwork;
use clawplane_domain::{BotId, TenantId, bot::EgressRule};
use serve::Served;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Connections of one bot at a time; more wait in the listener's queue.
const CONNECTIONS: usize = 256;
/// After an error of `accept` (no more file descriptors): time for some to become free.
const BREATH: Duration = Duration::from_millis(100);

/// Where a bot may go.
pub type Rules = Arc<Vec<EgressRule>>;

/// Whose way it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The bot.
    pub bot: BotId,
    /// Its tenant.
    pub tenant: TenantId,
}

/// What all bots' ways have in common.
#[derive(Clone, Debug)]
pub struct Web {
    /// Which places may be reached at all.
    pub guard: Arc<Guard>,
    /// Where refusals are told.
    pub refusals: Refusals,
}

/// One bot's way to the web.
#[derive(Debug)]
pub struct WebProxy {
    listen: SocketAddr,
    rules: watch::Sender<Rules>,
    closed: CancellationToken,
    listener: JoinHandle<()>,
}

impl WebProxy {
    /// Listens until it is closed or the platform stops, for connections from the bot's own network.
    pub async fn bind(
        whose: Whose,
        listen: SocketAddr,
        from: BotNetwork,
        rules: Rules,
        web: &Web,
        tracker: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let listen = listener.local_addr()?;
        let (rules, seen) = watch::channel(rules);
        let closed = shutdown.child_token();
        let accept = Accept {
            from,
            served: Served {
                whose,
                rules: seen,
                web: web.clone(),
                closed: closed.clone(),
                tracker: tracker.clone(),
            },
        };
        Ok(Self { listen, rules, closed, listener: tracker.spawn(accept.run(listener)) })
    }

    /// Where it listens.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// From now on it leads there; what leads elsewhere is cut.
    pub fn set_rules(&self, rules: Rules) {
        self.rules.send_if_modified(|present| {
            let changes = *present != rules;
            *present = rules;
            changes
        });
    }

    /// Whether it still listens.
    pub fn is_open(&self) -> bool {
        !self.listener.is_finished()
    }

    /// Stops listening and cuts its connections. Afterwards the address is free.
    pub async fn close(self) {
        self.closed.cancel();
        if let Err(error) = self.listener.await {
            tracing::error!(%error, "the listener of a bot's way to the web failed");
        }
    }
}

struct Accept {
    from: BotNetwork,
    served: Served,
}

impl Accept {
    async fn run(self, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
                listener.accept().await.map(|(stream, peer)| (stream, peer, place))
            };
            let next = tokio::select! {
                next = next => next,
                () = self.served.closed.cancelled() => return,
            };
            match next {
                Ok((_, peer, _)) if !self.from.contains(peer.ip()) => {
                    tracing::warn!(%peer, bot = %self.served.whose.bot, "a connection from outside of the bot's network was refused");
                }
                Ok((stream, _, place)) => self.spawn(stream, place),
                Err(error) => {
                    tracing::warn!(%error, "a bot's way to the web cannot accept");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    fn spawn(&self, stream: TcpStream, place: OwnedSemaphorePermit) {
        let served = self.served.clone();
        self.served.tracker.spawn(async move {
            let closed = served.closed.clone();
            tokio::select! {
                () = served.connection(stream, Arc::new(place)) => {}
                () = closed.cancelled() => {}
            }
        });
    }
}

#[cfg(test)]
mod tests;
