//! One host: takes the lease on it and, while it has that, runs a Docker worker there.
//!
//! A worker that cannot renew its lease stops acting some seconds before it ends, so that its successor, which begins
//! when it has ended, is alone. Forwarders stay open until somebody else has the lease: bots go on talking also while
//! the database is away.

use super::{Host, watch, worker::Shared};
use crate::{
    docker_worker::{DockerWorker, DockerWorkerParts, EngineStatus, Term},
    forward::Forwards,
    hosts::Holder,
    workspace::Workspaces,
};
use clawplane_domain::host::AddHost;
use clawplane_eventstore::Tried;
use std::{path::PathBuf, sync::Arc};
use tokio::{
    select,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Looks after one host until `cancel`.
pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    pub(super) record: AddHost,
    pub(super) host: Arc<Host>,
    pub(super) cancel: CancellationToken,
}

/// How a time of leading ended.
enum Ended {
    /// The platform stops, or the host is reached otherwise or not at all from now on.
    Cancelled,
    /// It could not be renewed in time.
    RanOut,
    /// Somebody else has it.
    Others,
}

impl Keeper {
    pub(super) async fn run(self) {
        let forwards = Arc::new(self.shared.forwards.of_host(self.record.id));
        let mut dead: Option<String> = None;
        while !self.cancel.is_cancelled() {
            let asked = Instant::now();
            match self.take(dead.take()).await {
                Some(Tried::Mine { term }) => {
                    tracing::info!(host = %self.record.name, term, "this worker leads the host");
                    match self.lead(asked, &forwards).await {
                        Ended::Cancelled => break,
                        Ended::RanOut => {}
                        Ended::Others => forwards.close_all().await,
                    }
                    continue;
                }
                Some(Tried::Others { holder }) => {
                    forwards.close_all().await;
                    if Holder::is_gone(&holder) {
                        dead = Some(holder);
                        continue;
                    }
                }
                None => {}
            }
            select! {
                () = sleep(self.shared.config.renew_every) => {}
                () = self.cancel.cancelled() => {}
            }
        }
    }

    /// `None`: the database does not say.
    async fn take(&self, dead: Option<String>) -> Option<Tried> {
        let config = &self.shared.config;
        let leases = &self.shared.parts.leases;
        let tried = leases.take_after(self.record.id, &config.holder, config.lease, dead.as_deref());
        match timeout(config.renew_every, tried).await {
            Ok(Ok(tried)) => Some(tried),
            Ok(Err(error)) => {
                tracing::warn!(host = %self.record.name, %error, "the lease on a host cannot be had now");
                None
            }
            Err(_) => None,
        }
    }

    /// Leads, from the lease that was asked for at `asked`. When this returns nothing of it acts any more.
    async fn lead(&self, asked: Instant, forwards: &Arc<Forwards>) -> Ended {
        let config = &self.shared.config;
        let gauge = metrics::gauge!("clawplane_host_leader", "host" => self.record.name.to_string());
        let acts_for = config.lease.saturating_sub(config.stop_before);
        let mut until = asked + acts_for;
        let term = Term::new(self.record.id, self.shared.hosts_as_folders(), until);
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let mut status = self.start(&term, forwards, &stop, &tracker).await;
        gauge.set(1.0);
        let ended = loop {
            let renew = asked_next(until, acts_for, config.renew_every);
            select! {
                () = self.cancel.cancelled() => break Ended::Cancelled,
                () = sleep_until(until) => break Ended::RanOut,
                () = sleep_until(renew) => {
                    let asked = Instant::now();
                    // Bounded by the end of what is held.
                    let tried = select! { tried = self.take(None) => tried, () = sleep_until(until) => break Ended::RanOut };
                    match tried {
                        Some(Tried::Mine { .. }) => {
                            until = asked + acts_for;
                            term.extend(until);
                        }
                        Some(Tried::Others { .. }) => break Ended::Others,
                        None => sleep(config.renew_every / 4).await,
                    }
                }
                changed = status_changed(&mut status) => self.pass_on(&changed),
            }
        };
        stop.cancel();
        tracker.close();
        tracker.wait().await;
        gauge.set(0.0);
        self.pass_on(&EngineStatus::Unknown);
        match ended {
            Ended::Cancelled => self.release().await,
            Ended::RanOut => tracing::warn!(host = %self.record.name, "the lease on a host ran out"),
            Ended::Others => tracing::warn!(host = %self.record.name, "another worker leads the host"),
        }
        ended
    }

    /// Starts the worker. Where its folder cannot be made, only the engine is watched.
    async fn start(
        &self,
        term: &Term,
        forwards: &Arc<Forwards>,
        stop: &CancellationToken,
        tracker: &TaskTracker,
    ) -> Option<tokio::sync::watch::Receiver<EngineStatus>> {
        let (shared, record) = (&self.shared, &self.record);
        let runtime = Arc::clone(&self.host.runtime);
        let named = (record.id, record.name.clone());
        tracker.spawn(watch::watch(Arc::clone(shared), named, Arc::clone(&runtime), stop.clone()));
        let mut config = shared.config.worker.clone();
        if !record.id.is_local() {
            config.data_dir = PathBuf::from(record.data_dir.as_str());
        }
        let parts = DockerWorkerParts {
            runtime,
            bots: shared.parts.hosts.catalog().bots_on(record.id),
            reports: Arc::clone(&shared.parts.reports),
            tokens: Arc::clone(&shared.parts.tokens),
            feed: shared.parts.feed.clone(),
            wakeup: shared.parts.wakeup.clone(),
            // One consumer for all hosts rings the bell.
            nats: None,
        };
        let forwards = Arc::clone(forwards);
        // Its mark is there, and nothing cut off, before anything is done.
        let ready = match Workspaces::new(&config.data_dir) {
            Ok(workspaces) => workspaces.prepare_host(record.id).await,
            Err(error) => Err(error),
        };
        let started = ready
            .and_then(|()| DockerWorker::start_term(config, parts, term.clone(), forwards, stop, tracker));
        match started {
            Ok(worker) => Some(worker.engine()),
            Err(error) => {
                tracing::error!(host = %record.name, %error, "the folder of a host's bots cannot be used");
                None
            }
        }
    }

    /// The local engine's status is what the API asks for before it starts a bot.
    fn pass_on(&self, status: &EngineStatus) {
        if self.record.id.is_local() {
            self.shared.local.send_if_modified(|present| {
                let news = present != status;
                status.clone_into(present);
                news
            });
        }
    }

    async fn release(&self) {
        let config = &self.shared.config;
        let released = self.shared.parts.leases.release(self.record.id, &config.holder);
        if !matches!(timeout(config.renew_every, released).await, Ok(Ok(()))) {
            tracing::info!(host = %self.record.name, "the lease on a host is not given back; it ends by itself");
        }
    }
}

fn asked_next(until: Instant, acts_for: std::time::Duration, every: std::time::Duration) -> Instant {
    until.checked_sub(acts_for).map_or(until, |asked| asked + every)
}

async fn status_changed(status: &mut Option<tokio::sync::watch::Receiver<EngineStatus>>) -> EngineStatus {
    if let Some(status) = status
        && status.changed().await.is_ok()
    {
        return status.borrow_and_update().clone();
    }
    std::future::pending().await
}
