//! Looks after all hosts: a keeper for each that this process may lead, and an eye on those that nobody leads.

use super::{ManyHosts, lead::Keeper, many::same_way, watch};
use crate::{
    consumer::{Consumer, Handler, Retry},
    docker_worker::{BotReports, BoxError, DockerWorkerConfig, EngineStatus, GatewayTokens, HostFolders},
    forward::Forwards,
    nats::Nats,
    wake_up::WakeUp,
};
use async_trait::async_trait;
use clawplane_domain::{
    HostId,
    clock::Clock,
    host::{AddHost, HostProfile},
    values::Hostname,
};
use clawplane_eventstore::{DeadLetters, Executor, Feed, HostLeases, Wakeup};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::watch as status, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Shortest time between two looks at the list of hosts: the bell rings for everything.
const GAP: Duration = Duration::from_millis(100);

/// Longest time between two looks while there is no host.
const FIRST: Duration = Duration::from_millis(250);

/// How the hosts are looked after. [`HostsWorkerConfig::new`] has the usual times.
#[derive(Clone, Debug)]
pub struct HostsWorkerConfig {
    /// For each host's worker; the data folder is the local host's.
    pub worker: DockerWorkerConfig,
    /// The hosts that this process may lead, by name; all, where it is not said.
    pub may_lead: Option<BTreeSet<Hostname>>,
    /// Who this process is, as a [`super::Holder`] writes it.
    pub holder: String,
    /// How long a lease is good.
    pub lease: Duration,
    /// How long before its end a worker that cannot renew it stops: its last steps need to end too.
    pub stop_before: Duration,
    /// Time between two renewals, or two tries to get it.
    pub renew_every: Duration,
    /// Time between two looks at an engine.
    pub look_every: Duration,
    /// A host that is silent for so long is lost.
    pub lost_after: Duration,
    /// A host that nobody leads for so long is lost.
    pub abandoned_after: Duration,
    /// Longest time between two looks at the list of hosts.
    pub list_every: Duration,
}

impl HostsWorkerConfig {
    /// The usual times: a host that is gone, or whose worker is, is lost within 30 s.
    pub fn new(worker: DockerWorkerConfig, holder: String) -> Self {
        Self {
            worker,
            may_lead: None,
            holder,
            lease: Duration::from_secs(12),
            stop_before: Duration::from_secs(5),
            renew_every: Duration::from_secs(2),
            look_every: Duration::from_secs(4),
            lost_after: Duration::from_secs(12),
            abandoned_after: Duration::from_secs(10),
            list_every: Duration::from_secs(2),
        }
    }
}

/// What it works with.
pub struct HostsWorkerParts {
    /// The hosts.
    pub hosts: ManyHosts,
    /// Who leads which.
    pub leases: HostLeases,
    /// Where to report of bots.
    pub reports: Arc<dyn BotReports>,
    /// The bots' gateway tokens.
    pub tokens: Arc<dyn GatewayTokens>,
    /// Where to report of hosts.
    pub executor: Executor,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The feed, which says which bots changed.
    pub feed: Feed,
    /// Rung by this process's own commits.
    pub wakeup: Wakeup,
    /// Wake-ups from other processes, where there is a NATS.
    pub nats: Option<(Nats, DeadLetters)>,
}

/// The running worker.
#[derive(Clone, Debug)]
pub struct HostsWorker {
    local: status::Receiver<EngineStatus>,
}

pub(super) struct Shared {
    pub(super) config: HostsWorkerConfig,
    pub(super) parts: HostsWorkerParts,
    /// The local host's engine.
    pub(super) local: status::Sender<EngineStatus>,
    /// Of the bots of all hosts.
    pub(super) forwards: Forwards,
}

impl Shared {
    pub(super) fn hosts_as_folders(&self) -> Arc<dyn HostFolders> {
        Arc::new(self.parts.hosts.clone())
    }
}

impl HostsWorker {
    /// Starts it; its tasks are the tracker's and end within 5 s of `shutdown`. Containers run on then.
    pub fn start(
        config: HostsWorkerConfig,
        mut parts: HostsWorkerParts,
        shutdown: &CancellationToken,
        tracker: &TaskTracker,
    ) -> Self {
        if let Some((nats, dead_letters)) = parts.nats.take() {
            let consumer = Consumer {
                name: "docker-worker",
                streams: "bot",
                handler: Arc::new(Ring(parts.wakeup.clone())),
                nats,
                retry: Retry::default(),
                dead_letters,
                checkpoints: None,
            };
            tracker.spawn(consumer.run(shutdown.clone()));
        }
        let local = status::Sender::new(EngineStatus::Unknown);
        let engine = local.subscribe();
        let forwards = Forwards::new(tracker.clone(), shutdown.clone());
        let shared = Arc::new(Shared { config, parts, local, forwards });
        tracker.spawn(Roster { shared, keepers: HashMap::new(), shutdown: shutdown.clone() }.run());
        Self { local: engine }
    }

    /// Whether the local host's engine answers, and its changes.
    pub fn engine(&self) -> status::Receiver<EngineStatus> {
        self.local.clone()
    }
}

/// Another process's event: this one's readers of the feed look at once.
struct Ring(Wakeup);

#[async_trait]
impl Handler for Ring {
    async fn handle(&self, _wake_up: &WakeUp) -> Result<(), BoxError> {
        self.0.ring();
        Ok(())
    }

    async fn reconnected(&self) {
        self.0.ring();
    }
}

/// A host with its keeper.
struct Kept {
    record: AddHost,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

struct Roster {
    shared: Arc<Shared>,
    keepers: HashMap<HostId, Kept>,
    shutdown: CancellationToken,
}

impl Roster {
    async fn run(mut self) {
        let mut bell = self.shared.parts.wakeup.listen();
        while !self.shutdown.is_cancelled() {
            match self.shared.parts.hosts.catalog().hosts().await {
                Ok(hosts) => self.look(&hosts).await,
                Err(error) => tracing::warn!(%error, "the hosts cannot be read"),
            }
            // At the very start the read model may not have the local host yet.
            let wait = if self.keepers.is_empty() { FIRST } else { self.shared.config.list_every };
            tokio::select! {
                () = bell.wait(wait) => {}
                () = self.shutdown.cancelled() => break,
            }
            tokio::select! {
                () = tokio::time::sleep(GAP) => {}
                () = self.shutdown.cancelled() => break,
            }
        }
        let keepers = std::mem::take(&mut self.keepers).into_values();
        for kept in keepers {
            end(kept).await;
        }
    }

    async fn look(&mut self, hosts: &[HostProfile]) {
        let gone = |id: &HostId, kept: &Kept| {
            let now = hosts.iter().find(|host| host.host.id == *id);
            now.is_none_or(|now| !same_way(&now.host, &kept.record)) || kept.task.is_finished()
        };
        let ending: Vec<HostId> =
            self.keepers.iter().filter(|(id, kept)| gone(id, kept)).map(|(id, _)| *id).collect();
        for id in ending {
            if let Some(kept) = self.keepers.remove(&id) {
                end(kept).await;
                self.shared.forwards.of_host(id).close_all().await;
            }
        }
        self.shared.parts.hosts.keep_only(hosts);
        for host in hosts {
            if !self.keepers.contains_key(&host.host.id) && self.may_lead(&host.host.name) {
                self.keep(&host.host).await;
            }
            if host.lost.is_none() {
                self.look_whether_led(host).await;
            }
        }
    }

    fn may_lead(&self, name: &Hostname) -> bool {
        self.shared.config.may_lead.as_ref().is_none_or(|names| names.contains(name))
    }

    async fn keep(&mut self, record: &AddHost) {
        let host = match self.shared.parts.hosts.reach(record).await {
            Ok(host) => host,
            Err(error) => {
                tracing::warn!(host = %record.name, %error, "a host cannot be looked after yet");
                return;
            }
        };
        let cancel = self.shutdown.child_token();
        let keeper =
            Keeper { shared: Arc::clone(&self.shared), record: record.clone(), host, cancel: cancel.clone() };
        let task = tokio::spawn(keeper.run());
        self.keepers.insert(record.id, Kept { record: record.clone(), cancel, task });
    }

    /// A host whose worker is gone has nobody who says that it is lost.
    async fn look_whether_led(&self, host: &HostProfile) {
        let (id, name) = (host.host.id, &host.host.name);
        match self.shared.parts.leases.abandoned_for(id).await {
            Ok(Some(since)) if since >= self.shared.config.abandoned_after => {
                let reason = format!("no worker has looked after it for {} s", since.as_secs());
                watch::report(&self.shared, id, name, Err(reason)).await;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(host = %name, %error, "nobody knows who leads a host"),
        }
    }
}

async fn end(kept: Kept) {
    kept.cancel.cancel();
    if let Err(error) = kept.task.await {
        tracing::error!(host = %kept.record.name, %error, "a host's keeper failed");
    }
}
