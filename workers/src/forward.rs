//! TCP forwarders: the two ways into and out of a bot's internal network.
//!
//! Egress listens at the host's address on that network and leads to the proxy and nowhere else. Ingress listens on
//! the bot's loopback port and leads to its gateway, since such a network publishes no ports.

mod table;

pub use table::{Forwards, Way};

use crate::runtime::BotNetwork;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Connections of one forwarder at a time; more wait in the listener's queue.
const CONNECTIONS: usize = 1024;
/// Longest wait for the target to accept.
const CONNECT: Duration = Duration::from_secs(5);
/// What connections get to end by themselves when the platform stops.
const GRACE: Duration = Duration::from_secs(3);
/// After an error of `accept` (no more file descriptors): time for some to become free.
const BREATH: Duration = Duration::from_millis(100);

/// One listening address that leads to one target.
#[derive(Debug)]
pub struct Forwarder {
    listen: SocketAddr,
    target: watch::Sender<SocketAddr>,
    /// Ends the listener and its connections at once.
    closed: CancellationToken,
    listener: JoinHandle<()>,
}

impl Forwarder {
    /// Listens on `listen` until closed, or until `shutdown`, which leaves connections a few seconds to end. Takes
    /// connections from `from` only, if given.
    pub async fn bind(
        listen: SocketAddr,
        target: SocketAddr,
        from: Option<BotNetwork>,
        tracker: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let listen = listener.local_addr()?;
        let (target, targets) = watch::channel(target);
        let closed = CancellationToken::new();
        let accept = Accept {
            from,
            targets,
            closed: closed.clone(),
            shutdown: shutdown.clone(),
            tracker: tracker.clone(),
        };
        Ok(Self { listen, target, closed, listener: tracker.spawn(accept.run(listener)) })
    }

    /// Where it listens.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Sends connections from now on to another target.
    pub fn set_target(&self, target: SocketAddr) {
        self.target.send_if_modified(|present| std::mem::replace(present, target) != target);
    }

    /// Whether it still listens.
    pub fn is_open(&self) -> bool {
        !self.listener.is_finished()
    }

    /// Stops listening and cuts its connections. Afterwards the address is free.
    pub async fn close(self) {
        self.closed.cancel();
        if let Err(error) = self.listener.await {
            tracing::error!(%error, "a forwarder's listener failed");
        }
    }
}

struct Accept {
    from: Option<BotNetwork>,
    targets: watch::Receiver<SocketAddr>,
    closed: CancellationToken,
    shutdown: CancellationToken,
    tracker: TaskTracker,
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
                () = self.closed.cancelled() => return,
                () = self.shutdown.cancelled() => return,
            };
            match next {
                Ok((_, peer, _)) if self.from.is_some_and(|from| !from.contains(peer.ip())) => {
                    tracing::warn!(%peer, "a connection from outside of the bot's network was refused");
                }
                Ok((stream, _, place)) => self.spawn(stream, place),
                Err(error) => {
                    tracing::warn!(%error, "a forwarder cannot accept");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    fn spawn(&self, stream: TcpStream, place: OwnedSemaphorePermit) {
        let target = *self.targets.borrow();
        let (closed, shutdown) = (self.closed.clone(), self.shutdown.clone());
        self.tracker.spawn(async move {
            let _place = place;
            let over = async {
                shutdown.cancelled().await;
                tokio::time::sleep(GRACE).await;
            };
            tokio::select! {
                result = forward(stream, target) => {
                    // Either side may hang up at any time: that is no news for anybody but a debugger.
                    if let Err(error) = result {
                        tracing::debug!(%error, %target, "a forwarded connection ended");
                    }
                }
                () = closed.cancelled() => {}
                () = over => {}
            }
        });
    }
}

async fn forward(mut from: TcpStream, target: SocketAddr) -> io::Result<()> {
    let connected = tokio::time::timeout(CONNECT, TcpStream::connect(target)).await;
    let mut to = connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    // Tokens of a stream are small and must not wait for each other.
    from.set_nodelay(true)?;
    to.set_nodelay(true)?;
    copy_bidirectional(&mut from, &mut to).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
