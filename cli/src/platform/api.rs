//! The API's role: what it works with, put together.

use super::{
    Parts, Surroundings,
    adapters::{
        Engine, LoopbackPorts, OwnProxy, PresentBots, VendorTable, machines::Machines, space::Space,
        system::Caretaker,
    },
    backups, health,
    keys::VendorCalls,
};
use crate::config::Config;
use clawplane_api::{ApiDeps, DataPath, TokenConfig, Tunnels};
use clawplane_eventstore::JobProgress;
use clawplane_proxy::{Proxy, UpstreamAllow, Verifier};
use clawplane_workers::{EngineStatus, Hosts, Nats, Watcher, backup::BackupStore, doctor::Norm};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What the other roles of this process give it.
pub(super) struct Beside {
    pub(super) hosts: Arc<dyn Hosts>,
    pub(super) nats: Nats,
    /// The engine's status, where this process has the worker.
    pub(super) engine: Option<watch::Receiver<EngineStatus>>,
    pub(super) proxy: Option<Proxy>,
    pub(super) store: Arc<dyn BackupStore>,
    pub(super) upstream_allow: UpstreamAllow,
    /// The bots are on this machine.
    pub(super) of_bots: bool,
    /// Where connections that outlive their requests are tracked, and what ends them.
    pub(super) connections: (TaskTracker, CancellationToken),
}

/// Everything that the API works with.
pub(super) fn deps(
    parts: &Parts,
    config: &Config,
    around: Surroundings,
    beside: Beside,
) -> anyhow::Result<ApiDeps> {
    let Beside { hosts, nats, engine, proxy, store, upstream_allow, of_bots, connections } = beside;
    let system = Caretaker {
        hosts: Arc::clone(&hosts),
        bots: Arc::new(PresentBots(parts.views.clone(), None)),
        executor: parts.executor.clone(),
        pool: parts.pool.clone(),
        nats: Some(nats.clone()),
        clock: parts.clock.clone(),
        norm: Norm { default_image: config.bot_image.clone() },
    };
    let health = health::Checks {
        feed: parts.feed.clone(),
        pool: parts.pool.clone(),
        engine: engine.clone(),
        nats: Some(nats),
    };
    let verifier = Verifier::new(upstream_allow.clone(), &config.extra_roots, parts.clock.clone())?;
    Ok(ApiDeps {
        executor: parts.executor.clone(),
        claims: parts.claims.clone(),
        vault: parts.vault.clone(),
        views: parts.views.clone(),
        clock: parts.clock.clone(),
        ids: parts.ids.clone(),
        tokens: TokenConfig::new(around.signing_secret),
        issuer: parts.issuer(config),
        port_start: config.bot_port_start,
        default_image: config.bot_image.clone(),
        verifier: Arc::new(VendorCalls { vault: parts.vault.clone(), verifier }),
        archives: backups::archives(parts, store),
        progress: JobProgress::new(parts.pool.clone()),
        vendors: Arc::new(VendorTable(upstream_allow)),
        ports: Arc::new(LoopbackPorts { of_bots }),
        engine: Arc::new(Engine(engine)),
        machines: Arc::new(Machines(Watcher::new(Arc::clone(&hosts)))),
        ingress: config.ingress.clone(),
        tunnels: Tunnels::new(connections.0, connections.1),
        system: Arc::new(system),
        space: Arc::new(Space(hosts)),
        health: Arc::new(health),
        proxy: proxy.map(|proxy| Arc::new(OwnProxy(proxy)) as Arc<dyn DataPath>),
        metrics: Some(around.metrics),
    })
}
