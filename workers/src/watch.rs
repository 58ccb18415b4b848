//! What people see of a bot's machine and do on it: logs, figures, checks, commands, and the way to its gateway.
//!
//! Nothing here changes what a bot should be. Everything goes through [`Hosts`], wherever the bot is.

pub mod diagnose;
pub mod lines;
mod stats;

pub use diagnose::{Check, CheckStatus};
pub use lines::LogLine;
pub use stats::{Figures, Sample};

use crate::{
    hosts::{Host, Hosts},
    runtime::{
        ContainerSeen, GATEWAY_PORT, Phase, RuntimeError,
        observe::{ExecAsk, ExecEnd, Io, LogAsk},
    },
};
use clawplane_domain::{BotId, redact::Redactor};
use futures::{StreamExt, stream::BoxStream};
use stats::Pollers;
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::Instant,
};

/// Logs that are followed at a time, by all clients of this process.
const FOLLOWERS: usize = 512;
/// Commands that run at a time.
const EXECS: usize = 16;
/// For so long a bot's address is taken for what it was.
const ADDRESS_HOLDS: Duration = Duration::from_secs(3);
/// Most addresses that are remembered.
const ADDRESSES: usize = 10_000;

/// Why something of a bot's machine cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// There is no container, or it never ran.
    #[error("the bot has no container")]
    NoContainer,
    /// Its process does not run.
    #[error("the bot does not run")]
    NotRunning,
    /// Too many do the same already.
    #[error("too many are doing this at the moment")]
    Busy,
    /// The engine said no, or nothing.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// Its gateway does not take connections.
    #[error("the bot's gateway cannot be reached: {0}")]
    Gateway(io::Error),
}

/// Looks after what people want of bots' machines. Clones share it.
#[derive(Clone)]
pub struct Watcher {
    inner: Arc<Inner>,
}

struct Inner {
    hosts: Arc<dyn Hosts>,
    pollers: Pollers,
    followers: Arc<Semaphore>,
    execs: Semaphore,
    addresses: Mutex<HashMap<BotId, (IpAddr, Instant)>>,
}

impl Watcher {
    /// Over all machines.
    pub fn new(hosts: Arc<dyn Hosts>) -> Self {
        let inner = Inner {
            hosts,
            pollers: Pollers::default(),
            followers: Arc::new(Semaphore::new(FOLLOWERS)),
            execs: Semaphore::new(EXECS),
            addresses: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The lines of a bot's log, without secrets. Ends with its container, or with what there is where nobody follows; stops
    /// reading when it is dropped.
    pub async fn logs(
        &self,
        bot: BotId,
        ask: LogAsk,
        redactor: Redactor,
    ) -> Result<BoxStream<'static, Result<LogLine, RuntimeError>>, WatchError> {
        let place = Arc::clone(&self.inner.followers).try_acquire_owned().map_err(|_| WatchError::Busy)?;
        let (host, seen) = self.container(bot).await?;
        let chunks = host.runtime.logs(&seen.id, ask);
        let lines = lines::of(chunks, redactor, ask.since);
        Ok(held(lines, place))
    }

    /// A bot's figures, as they change; the first one is there once its container has been looked at. However many look, its
    /// engine is asked once, and not at all when nobody does.
    pub async fn figures(&self, bot: BotId) -> Result<Figures, WatchError> {
        if let Some(figures) = self.inner.pollers.join(bot) {
            return Ok(figures);
        }
        let (host, seen) = self.running(bot).await?;
        Ok(self.inner.pollers.start(bot, host, seen))
    }

    /// Runs a command in a bot's container, as its own user.
    pub async fn exec(&self, bot: BotId, ask: ExecAsk) -> Result<ExecEnd, WatchError> {
        let _place = self.inner.execs.try_acquire().map_err(|_| WatchError::Busy)?;
        let (host, seen) = self.running(bot).await?;
        Ok(host.runtime.exec(&seen.id, ask).await?)
    }

    /// Looks at container, network and configuration of a bot.
    pub async fn diagnose(&self, bot: BotId, wanted: diagnose::Wanted) -> Vec<Check> {
        match self.inner.hosts.of(bot).await {
            Ok(host) => diagnose::all(&host, bot, wanted).await,
            Err(error) => vec![diagnose::no_host(&error)],
        }
    }

    /// A connection to the bot's gateway.
    pub async fn dial(&self, bot: BotId) -> Result<Box<dyn Io>, WatchError> {
        if let Some(ip) = self.remembered(bot) {
            let host = self.inner.hosts.of(bot).await?;
            if let Ok(io) = host.runtime.dial(SocketAddr::new(ip, GATEWAY_PORT)).await {
                return Ok(io);
            }
        }
        // It may have another address since it was started again.
        let (host, seen) = self.running(bot).await?;
        let ip = seen.ip.ok_or(WatchError::NotRunning)?;
        let io = host.runtime.dial(SocketAddr::new(ip, GATEWAY_PORT)).await.map_err(WatchError::Gateway)?;
        self.remember(bot, ip);
        Ok(io)
    }

    fn remembered(&self, bot: BotId) -> Option<IpAddr> {
        let addresses = self.inner.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.get(&bot).filter(|(_, since)| since.elapsed() < ADDRESS_HOLDS).map(|(ip, _)| *ip)
    }

    fn remember(&self, bot: BotId, ip: IpAddr) {
        let mut addresses = self.inner.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.len() >= ADDRESSES {
            addresses.retain(|_, (_, since)| since.elapsed() < ADDRESS_HOLDS);
        }
        if addresses.len() < ADDRESSES {
            addresses.insert(bot, (ip, Instant::now()));
        }
    }

    async fn container(&self, bot: BotId) -> Result<(Arc<Host>, ContainerSeen), WatchError> {
        let host = self.inner.hosts.of(bot).await?;
        let seen = host.runtime.inspect(bot).await?.ok_or(WatchError::NoContainer)?;
        Ok((host, seen))
    }

    async fn running(&self, bot: BotId) -> Result<(Arc<Host>, ContainerSeen), WatchError> {
        let (host, seen) = self.container(bot).await?;
        if seen.phase == Phase::Running { Ok((host, seen)) } else { Err(WatchError::NotRunning) }
    }
}

/// A stream with the place that it takes.
fn held<T: Send + 'static>(
    stream: BoxStream<'static, T>,
    place: OwnedSemaphorePermit,
) -> BoxStream<'static, T> {
    futures::stream::unfold((stream, place), |(mut stream, place)| async move {
        stream.next().await.map(|item| (item, (stream, place)))
    })
    .boxed()
}

/// The latest of what changes; `None` until there is a first one.
pub(crate) type Latest = watch::Receiver<Option<Sample>>;

#[cfg(test)]
mod tests;
