//! The composition: every role of the platform, started in the order of its needs and stopped the other way round.

mod adapters;
mod api;
mod backups;
mod desk;
mod health;
mod keys;
mod server;
mod workers;

use crate::{
    bootstrap::Bootstrap,
    config::{Config, MasterKey, args::Role},
    runtimes::Background,
    source::{SystemClock, SystemIds},
    telemetry,
};
use adapters::{PresentBots, Rollups, system::Caretaker};
use anyhow::Context;
use clawplane_api::{ApiState, provider_keys};
use clawplane_domain::{
    Secret,
    clock::{Clock, Ids},
};
use clawplane_eventstore::{
    ClaimTable, Executor, Feed, TokenIssuer, UsageAppender, Vault, Wakeup,
    database::{self, Pool},
};
use clawplane_projections::{Runner, Views};
use clawplane_proxy::{Deps, Proxy, ProxyConfig, UpstreamAllow, observe::Observer};
use clawplane_workers::{Hosts, Nats, NatsConfig, OneHost, doctor::Norm};
use keys::KeyNewsDesk;
use metrics_exporter_prometheus::PrometheusHandle;
use server::Entrance;
use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Connections of one process to Postgres, for writing and following.
const WRITE_CONNECTIONS: u32 = 24;
/// Connections of one process for the API's reads.
const READ_CONNECTIONS: u32 = 16;
/// How long each stage of a stop may take.
const STAGE: Duration = Duration::from_secs(5);

/// What is not in the configuration file: secrets and addresses that `dev` makes by itself.
pub struct Surroundings {
    /// Postgres.
    pub database_url: Secret,
    /// Where reads go.
    pub read_database_url: Secret,
    /// NATS.
    pub nats_url: Secret,
    /// Wraps the data keys.
    pub master_key: MasterKey,
    /// Signs access tokens.
    pub signing_secret: Secret,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    /// Where to spawn what nobody waits for.
    pub background: Background,
    /// Hears of every proxied request.
    pub observer: Option<Arc<dyn Observer>>,
}

/// A running platform, or some roles of it.
pub struct Platform {
    /// Where the API and the proxy listen.
    pub addr: SocketAddr,
    /// What is served once it is open.
    entrance: Option<(Entrance, TcpListener)>,
    pools: Vec<Pool>,
    executor: Executor,
    bootstrap: Bootstrap,
    intake: CancellationToken,
    intake_tasks: TaskTracker,
    background: CancellationToken,
    background_tasks: TaskTracker,
}

/// What every role is made of.
struct Parts {
    pool: Pool,
    feed: Feed,
    wakeup: Wakeup,
    executor: Executor,
    claims: ClaimTable,
    vault: Vault,
    views: Views,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    background: CancellationToken,
    background_tasks: TaskTracker,
}

impl Platform {
    /// Starts `roles`. When this returns they work; whoever connects waits until [`Platform::open`].
    pub async fn start(
        config: &Config,
        roles: &BTreeSet<Role>,
        around: Surroundings,
        upstream_allow: UpstreamAllow,
    ) -> anyhow::Result<Self> {
        raise_open_files();
        let listener = TcpListener::bind(config.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", config.listen))?;
        let addr = listener.local_addr()?;
        let pool = database::connect(around.database_url.expose(), WRITE_CONNECTIONS).await?;
        let read_pool = database::connect(around.read_database_url.expose(), READ_CONNECTIONS).await?;
        database::migrate(&pool).await?;
        clawplane_projections::migrate(&pool).await?;
        let parts = Parts::new(pool.clone(), &read_pool, &around.master_key);
        parts.vault.check().await?;

        if roles.contains(&Role::Projector) {
            let _spawned_there = around.background.handle.enter();
            Runner::start(
                pool.clone(),
                parts.wakeup.clone(),
                around.background.precedence.clone(),
                parts.background.clone(),
                &parts.background_tasks,
            );
        }
        let upkeep = telemetry::upkeep(around.metrics.clone(), parts.background.clone());
        parts.background_tasks.spawn_on(upkeep, &around.background.handle);
        let (intake, intake_tasks) = (CancellationToken::new(), TaskTracker::new());
        let proxy = match roles.contains(&Role::Proxy) {
            true => Some(parts.proxy(config, upstream_allow.clone(), &around).await?),
            false => None,
        };
        let nats = Nats::new(NatsConfig::new(around.nats_url.clone()));
        let hosts = workers::hosts(&parts, config).await?;
        let engine = match roles.contains(&Role::Worker) {
            true => {
                let bots = workers::entrance_for_bots(proxy.as_ref(), &intake, &intake_tasks).await?;
                let places = workers::places(config, &around);
                Some(workers::start(&parts, config, &nats, hosts.clone(), (bots, places)).await?)
            }
            false => None,
        };
        if roles.contains(&Role::Api) {
            provider_keys::sweep_deleted(&parts.feed, &parts.vault).await?;
        }
        // What the API asks of the bots' machines goes through this, also where the worker is another process.
        let hosts: Arc<dyn Hosts> = Arc::new(hosts);
        let store = backups::store(config)?;
        if roles.contains(&Role::Worker) {
            backups::start(&parts, config, Arc::clone(&hosts), store.clone())?;
        }
        let beside = api::Beside {
            hosts,
            nats,
            engine,
            proxy: proxy.clone(),
            store,
            upstream_allow,
            of_bots: roles.contains(&Role::Worker),
            connections: (intake_tasks.clone(), intake.clone()),
        };
        let router = clawplane_api::router(ApiState::new(api::deps(&parts, config, around, beside)?));
        Ok(Self {
            addr,
            entrance: Some((Entrance { proxy, router }, listener)),
            pools: vec![pool, read_pool],
            executor: parts.executor.clone(),
            bootstrap: parts.bootstrap(),
            intake,
            intake_tasks,
            background: parts.background,
            background_tasks: parts.background_tasks,
        })
    }

    /// For the first administrator and the demo's key, before it is open: who sees it up can sign in.
    pub(crate) fn bootstrap(&self) -> &Bootstrap {
        &self.bootstrap
    }

    /// Serves from here on.
    pub(crate) fn open(&mut self) {
        if let Some((entrance, listener)) = self.entrance.take() {
            self.intake_tasks.spawn(entrance.serve(listener, self.intake.clone()));
        }
    }

    /// Stops in order: first nothing new comes in and what is in flight ends, then what was taken is written down,
    /// then the readers stop, and the connections close.
    pub async fn stop(self) {
        self.intake.cancel();
        self.intake_tasks.close();
        within("requests in flight", self.intake_tasks.wait()).await;
        within("commands", self.executor.drained()).await;
        self.background.cancel();
        self.background_tasks.close();
        within("background tasks", self.background_tasks.wait()).await;
        for pool in self.pools {
            within("database connections", pool.close()).await;
        }
    }
}

/// Who looks after the hosts, for a command that is no running platform.
pub(crate) async fn caretaker(config: &Config, pool: Pool) -> anyhow::Result<Caretaker> {
    let folder = &config.bot_data_dir;
    anyhow::ensure!(
        folder.is_dir(),
        "there is no folder {}: set BOT_DATA_DIR to the bots' data folder",
        folder.display()
    );
    let host = workers::own_host(&pool, config).await?;
    Ok(Caretaker {
        hosts: Arc::new(OneHost::new(host)),
        bots: Arc::new(PresentBots(Views::new(pool.clone()), None)),
        executor: Executor::new(pool.clone(), Wakeup::default()),
        pool,
        nats: None,
        clock: Arc::new(SystemClock),
        norm: Norm { default_image: config.bot_image.clone() },
    })
}

/// Connections are files, and the usual soft limit of 1024 is for programs that `select`.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::warn!(%error, "the limit of open files stays where it is");
    }
}

async fn within(what: &str, stage: impl Future<Output = ()>) {
    if timeout(STAGE, stage).await.is_err() {
        tracing::warn!(what, "did not end in time and is left behind");
    }
}

impl Parts {
    fn new(pool: Pool, read_pool: &Pool, master_key: &MasterKey) -> Self {
        let wakeup = Wakeup::default();
        let ids: Arc<dyn Ids> = Arc::new(SystemIds);
        let master_key = clawplane_eventstore::MasterKey::new(*master_key.bytes());
        Self {
            feed: Feed::new(pool.clone()),
            executor: Executor::new(pool.clone(), wakeup.clone()),
            claims: ClaimTable::new(pool.clone()),
            vault: Vault::new(pool.clone(), master_key, ids.clone()),
            views: Views::new(read_pool.clone()),
            clock: Arc::new(SystemClock),
            background: CancellationToken::new(),
            background_tasks: TaskTracker::new(),
            ids,
            wakeup,
            pool,
        }
    }

    /// Its requests are handled where they come in; what it does beside them belongs to the background.
    async fn proxy(
        &self,
        config: &Config,
        upstream_allow: UpstreamAllow,
        around: &Surroundings,
    ) -> anyhow::Result<Proxy> {
        let mut proxy = ProxyConfig::new(config.data_dir.join("spool"));
        proxy.upstream_allow = upstream_allow;
        proxy.spool_durability = config.spool_durability;
        proxy.spool_max_bytes = config.spool_max_bytes;
        proxy.observer = around.observer.clone();
        proxy.extra_roots = config.extra_roots.clone();
        let deps = Deps {
            events: Arc::new(self.feed.clone()),
            sink: Arc::new(UsageAppender::new(self.pool.clone(), self.wakeup.clone())),
            unsealer: Arc::new(self.vault.clone()),
            totals: Arc::new(Rollups(self.views.clone())),
            keys: Arc::new(KeyNewsDesk(self.executor.clone())),
            quotas: Arc::new(desk::Desk::new(self.executor.clone(), self.clock.clone())),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            wakeup: self.wakeup.clone(),
            precedence: around.background.precedence.clone(),
            cancel: self.background.clone(),
            tasks: self.background_tasks.clone(),
        };
        let started = around.background.handle.spawn(Proxy::start(proxy, deps)).await;
        started.context("the proxy's start broke off")?.context("the proxy cannot start")
    }

    fn issuer(&self, config: &Config) -> TokenIssuer {
        TokenIssuer::new(self.executor.clone(), self.vault.clone(), config.token_ttl)
    }

    fn bootstrap(&self) -> Bootstrap {
        Bootstrap {
            executor: self.executor.clone(),
            claims: self.claims.clone(),
            vault: self.vault.clone(),
            views: self.views.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        }
    }
}
