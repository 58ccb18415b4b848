//! The Docker worker: makes the containers what the read model says they should be.
//!
//! Level-triggered: whatever woke it, it compares what is wanted with what is there and acts on the difference. No
//! message has to arrive, none does harm twice. Each bot that needs work has a task of its own.

mod config;
mod converge;
mod disk;
mod engine;
mod failures;
mod files;
mod moving;
mod plan;
mod ports;
mod pulls;
mod reason;
mod running;
mod spec;
mod supervisor;
mod term;
mod token;
mod trial;
mod triggers;
mod web;

pub use config::{DockerWorkerConfig, EGRESS_PORT};
pub use engine::EngineStatus;
pub use ports::{
    BotReports, BoxError, DesiredBot, DesiredBots, ExecutorReports, GatewayTokens, Heard, MoveStep,
    VaultTokens,
};
pub use term::{HostFolders, NoOtherHosts, Term};

use crate::{
    egress::{Guard, Refusals, SystemResolver, Web},
    forward::Forwards,
    nats::Nats,
    runtime::Runtime,
    workspace::Workspaces,
};
use clawplane_eventstore::{DeadLetters, Feed, Wakeup};
use engine::EngineWatch;
use pulls::Pulls;
use std::{io, sync::Arc};
use supervisor::Supervisor;
use tokio::sync::{Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use triggers::Triggers;

/// What the worker works with.
pub struct DockerWorkerParts {
    /// The container engine.
    pub runtime: Arc<dyn Runtime>,
    /// What is wanted.
    pub bots: Arc<dyn DesiredBots>,
    /// Where to report.
    pub reports: Arc<dyn BotReports>,
    /// The bots' gateway tokens.
    pub tokens: Arc<dyn GatewayTokens>,
    /// The feed, which says which bots changed.
    pub feed: Feed,
    /// Rung by this process's own commits.
    pub wakeup: Wakeup,
    /// Wake-ups from other processes, where there is a NATS; the worker does without.
    pub nats: Option<(Nats, DeadLetters)>,
}

/// The running worker.
#[derive(Clone, Debug)]
pub struct DockerWorker {
    engine: watch::Receiver<EngineStatus>,
}

/// What the tasks of all bots share.
struct Shared {
    config: DockerWorkerConfig,
    runtime: Arc<dyn Runtime>,
    bots: Arc<dyn DesiredBots>,
    reports: Arc<dyn BotReports>,
    tokens: Arc<dyn GatewayTokens>,
    workspaces: Workspaces,
    forwards: Arc<Forwards>,
    web: Web,
    term: Term,
    pulls: Pulls,
    engine: EngineWatch,
    permits: Semaphore,
}

impl DockerWorker {
    /// Starts the worker; its tasks are the tracker's and end within 5 s of `shutdown`. Containers run on then.
    ///
    /// Fails where the bots' data folder cannot be made.
    pub fn start(
        config: DockerWorkerConfig,
        parts: DockerWorkerParts,
        shutdown: &CancellationToken,
        tracker: &TaskTracker,
    ) -> io::Result<Self> {
        let forwards = Arc::new(Forwards::new(tracker.clone(), shutdown.clone()));
        Self::start_term(config, parts, Term::alone(), forwards, shutdown, tracker)
    }

    /// As [`DockerWorker::start`], for one host of several and for as long as its lease is held. `forwards` may outlive the
    /// worker: bots go on talking while nobody looks after them.
    pub fn start_term(
        config: DockerWorkerConfig,
        parts: DockerWorkerParts,
        term: Term,
        forwards: Arc<Forwards>,
        shutdown: &CancellationToken,
        tracker: &TaskTracker,
    ) -> io::Result<Self> {
        let told = web::Told(Arc::clone(&parts.reports));
        let (refusals, tell) = Refusals::start(Arc::new(told), shutdown.clone());
        tracker.spawn(tell);
        let guard = Arc::new(Guard::new(config.web.clone(), Arc::new(SystemResolver)));
        let shared = Arc::new(Shared {
            web: Web { guard, refusals },
            workspaces: Workspaces::new(&config.data_dir)?,
            forwards,
            term,
            pulls: Pulls::new(Arc::clone(&parts.runtime), tracker.clone(), shutdown.clone()),
            engine: EngineWatch::default(),
            permits: Semaphore::new(config.concurrency),
            runtime: parts.runtime,
            bots: Arc::clone(&parts.bots),
            reports: parts.reports,
            tokens: parts.tokens,
            config,
        });
        let engine = shared.engine.subscribe();
        let triggers = Arc::new(Triggers::default());
        tracker.spawn(triggers::follow_engine(Arc::clone(&shared), Arc::clone(&triggers), shutdown.clone()));
        tracker.spawn(triggers::follow_feed(
            parts.feed,
            parts.wakeup,
            Arc::clone(&triggers),
            shutdown.clone(),
        ));
        if let Some((nats, dead_letters)) = parts.nats {
            triggers::follow_nats(nats, dead_letters, Arc::clone(&triggers), shutdown, tracker);
        }
        tracker.spawn(Supervisor::new(shared, parts.bots, triggers, shutdown.clone()).run());
        Ok(Self { engine })
    }

    /// Whether the engine answers, and its changes.
    pub fn engine(&self) -> watch::Receiver<EngineStatus> {
        self.engine.clone()
    }
}
