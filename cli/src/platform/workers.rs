//! The worker role: the relay to NATS, the Docker worker, the notification worker, and the bots' own entrance.

use super::{
    Parts, Surroundings,
    adapters::{KnownHosts, PresentBots},
};
use crate::config::Config;
use anyhow::Context;
use clawplane_domain::{
    Actor, HostId, Metadata, TenantId,
    host::{AddHost, Capacity, Host as HostAggregate, HostChange, HostCommand, HostRefusal, LOCAL_NAME},
};
use clawplane_eventstore::{Checkpoints, DeadLetters, ExecuteError, HostLeases, database};
use clawplane_proxy::Proxy;
use clawplane_workers::{
    DesiredBots, DockerEngines, DockerRuntime, DockerWorkerConfig, EngineStatus, ExecutorReports, Holder,
    Host, HostsWorker, HostsWorkerConfig, HostsWorkerParts, ManyHosts, Nats, NotificationWorker, Relay,
    TokenRenewal, VaultTokens,
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

/// The machines of the installation, with the one that this process runs on.
pub(super) async fn hosts(parts: &Parts, config: &Config) -> anyhow::Result<ManyHosts> {
    let instance = database::installation(&parts.pool).await?.to_string();
    let own = Arc::new(own_host(&parts.pool, config).await?);
    let engines = DockerEngines { instance, vault: parts.vault.clone(), own: Arc::clone(&own) };
    Ok(ManyHosts::new(Arc::new(KnownHosts(parts.views.clone())), Arc::new(engines), own))
}

/// The machine that this process runs on, as its bots' host.
pub(super) async fn own_host(pool: &database::Pool, config: &Config) -> anyhow::Result<Host> {
    let instance = database::installation(pool).await?.to_string();
    let engine = DockerConfig { host: own_engine(config).to_owned(), instance };
    let workspaces = Workspaces::new(&config.bot_data_dir).context("the bots' data folder cannot be made")?;
    Ok(Host { runtime: Arc::new(DockerRuntime::new(engine)), workspaces })
}

fn own_engine(config: &Config) -> &str {
    config.docker_host.as_deref().unwrap_or(DEFAULT_HOST)
}

/// The local host is there by itself, as this process's configuration describes it.
async fn add_local_host(parts: &Parts, config: &Config, root: &std::path::Path) -> anyhow::Result<()> {
    // It is the same without TLS, and `tcp` is how a host's address says it.
    let engine = own_engine(config)
        .replacen("http://", "tcp://", 1)
        .parse()
        .context("DOCKER_HOST is no address of an engine")?;
    let folder = root.to_str().context("the path of the bots' data folder is not UTF-8")?;
    let data_dir = folder.parse().context("the bots' data folder cannot be bound into containers")?;
    let host = AddHost {
        id: HostId::LOCAL,
        name: LOCAL_NAME.parse()?,
        engine,
        tls: None,
        data_dir,
        labels: Vec::new(),
        capacity: Capacity::default(),
    };
    let now = HostChange {
        engine: Some(host.engine.clone()),
        data_dir: Some(host.data_dir.clone()),
        ..HostChange::default()
    };
    for command in [HostCommand::Add(Box::new(host)), HostCommand::Change(now)] {
        let metadata = Metadata {
            // Hosts are of no tenant.
            tenant_id: TenantId(uuid::Uuid::nil()),
            actor: Actor::system("platform"),
            at: parts.clock.now(),
            request_id: None,
            causation: None,
        };
        match parts.executor.execute::<HostAggregate>(HostId::LOCAL, command, metadata).await {
            Ok(_) | Err(ExecuteError::Refused(HostRefusal::Exists)) => {}
            Err(error) => return Err(error).context("the local host cannot be added"),
        }
    }
    Ok(())
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
pub(super) async fn start(
    parts: &Parts,
    config: &Config,
    nats: &Nats,
    hosts: ManyHosts,
    (bots_entrance, places): (SocketAddr, Places),
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
    let bots: Arc<dyn DesiredBots> = Arc::new(PresentBots(parts.views.clone(), None));
    let renewal = TokenRenewal { issuer: parts.issuer(config), bots, clock: parts.clock.clone() };
    renewal.start(shutdown, tasks);
    add_local_host(parts, config, hosts.own().workspaces.root()).await?;
    let mut worker =
        DockerWorkerConfig::new(config.bot_image.clone(), config.bot_data_dir.clone(), bots_entrance);
    worker.web = places;
    let holder = Holder::me(&parts.ids.uuid().to_string()).to_string();
    let mut worker = HostsWorkerConfig::new(worker, holder);
    worker.may_lead.clone_from(&config.worker_hosts);
    let work = HostsWorkerParts {
        hosts,
        leases: HostLeases::new(parts.pool.clone()),
        reports: Arc::new(ExecutorReports::new(parts.executor.clone(), parts.clock.clone())),
        tokens: Arc::new(VaultTokens(parts.vault.clone())),
        executor: parts.executor.clone(),
        clock: parts.clock.clone(),
        feed,
        wakeup: parts.wakeup.clone(),
        nats: Some((nats, dead_letters)),
    };
    Ok(HostsWorker::start(worker, work, shutdown, tasks).engine())
}
