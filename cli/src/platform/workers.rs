//! The worker role: the relay to NATS, the Docker worker, the notification worker, and the bots' own entrance.

use super::{Parts, Surroundings, adapters::PresentBots};
use crate::config::Config;
use anyhow::Context;
use clawplane_eventstore::{Checkpoints, DeadLetters, database};
use clawplane_proxy::Proxy;
use clawplane_workers::{
    DesiredBots, DockerRuntime, DockerWorker, DockerWorkerConfig, DockerWorkerParts, EngineStatus,
    ExecutorReports, Host, Nats, NotificationWorker, Relay, TokenRenewal, VaultTokens,
    egress::Places,
    runtime::docker::{DEFAULT_HOST, DockerConfig},
    workspace::Workspaces,
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Opens the entrance that bots come through: a loopback listener that serves the proxy and nothing else, so that no
/// bot can reach the API.
pub(super) async fn entrance_for_bots(
    proxy: Option<&Proxy>,
    intake: &CancellationToken,
    tasks: &TaskTracker,
) -> anyhow::Result<SocketAddr> {
    let proxy = proxy.context(
        "the role `worker` needs the role `proxy` in the same process: the AI traffic of its bots goes through it",
    )?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let addr = listener.local_addr()?;
    let (proxy, intake) = (proxy.clone(), intake.clone());
    tasks.spawn(async move { proxy.serve(listener, intake).await });
    Ok(addr)
}

/// The machine that this process runs on, as its bots' host.
pub(super) async fn own_host(pool: &database::Pool, config: &Config) -> anyhow::Result<Host> {
    let engine = DockerConfig {
        host: config.docker_host.clone().unwrap_or_else(|| DEFAULT_HOST.to_owned()),
        instance: database::installation(pool).await?.to_string(),
    };
    let workspaces = Workspaces::new(&config.bot_data_dir).context("the bots' data folder cannot be made")?;
    Ok(Host { runtime: Arc::new(DockerRuntime::new(engine)), workspaces })
}

/// What the operator says of places on the web. Whatever it is, bots get to the database and to NATS in no way.
pub(super) fn places(config: &Config, around: &Surroundings) -> Places {
    let mut places = config.egress_places.clone();
    for (url, port) in
        [(&around.database_url, 5432), (&around.read_database_url, 5432), (&around.nats_url, 4222)]
    {
        for url in url.expose().split(',') {
            let url =
                if url.contains("://") { url.trim().to_owned() } else { format!("nats://{}", url.trim()) };
            let Ok(url) = url::Url::parse(&url) else { continue };
            if let Some(host) = url.host_str() {
                places.never(host, url.port().unwrap_or(port));
            }
        }
    }
    places
}

/// Starts the relay and the workers; gives the engine's status as it changes.
pub(super) fn start(
    parts: &Parts,
    config: &Config,
    nats: &Nats,
    host: &Host,
    bots_entrance: SocketAddr,
    places: Places,
) -> anyhow::Result<watch::Receiver<EngineStatus>> {
    let (shutdown, tasks) = (&parts.background, &parts.background_tasks);
    let (feed, nats) = (parts.feed.clone(), nats.clone());
    let (checkpoints, dead_letters) =
        (Checkpoints::new(parts.pool.clone()), DeadLetters::new(parts.pool.clone()));
    let relay = Relay {
        nats: nats.clone(),
        feed: feed.clone(),
        checkpoints: checkpoints.clone(),
        wakeup: parts.wakeup.clone(),
    };
    relay.start(shutdown, tasks);
    let notifications = NotificationWorker {
        nats: nats.clone(),
        feed: feed.clone(),
        checkpoints,
        dead_letters: dead_letters.clone(),
    };
    notifications.start(shutdown, tasks);
    let bots: Arc<dyn DesiredBots> = Arc::new(PresentBots(parts.views.clone()));
    let renewal =
        TokenRenewal { issuer: parts.issuer(config), bots: bots.clone(), clock: parts.clock.clone() };
    renewal.start(shutdown, tasks);
    let docker = DockerWorkerParts {
        runtime: Arc::clone(&host.runtime),
        bots,
        reports: Arc::new(ExecutorReports::new(parts.executor.clone(), parts.clock.clone())),
        tokens: Arc::new(VaultTokens(parts.vault.clone())),
        feed,
        wakeup: parts.wakeup.clone(),
        nats: Some((nats, dead_letters)),
    };
    let mut worker =
        DockerWorkerConfig::new(config.bot_image.clone(), config.bot_data_dir.clone(), bots_entrance);
    worker.web = places;
    let worker = DockerWorker::start(worker, docker, shutdown, tasks);
    Ok(worker.context("the Docker worker cannot start")?.engine())
}
