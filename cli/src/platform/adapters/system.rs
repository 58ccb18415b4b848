//! The installation's hosts and parts, for the API's administrators and for `clawplane doctor`.

use async_nats::connection::State;
use async_trait::async_trait;
use clawplane_api::system::{
    Diagnosis, HostStatus, Orphan, ReadModelStatus, ServerStatus, System, SystemStatus,
};
use clawplane_domain::{clock::Clock, upkeep::LeftoverKind};
use clawplane_eventstore::{
    Executor,
    database::{self, Pool},
};
use clawplane_projections::admin;
use clawplane_workers::{
    DesiredBot, DesiredBots, Host, Hosts, Nats,
    doctor::{self, Finding, Grade, Norm},
    leftovers,
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::timeout;

/// How long each part may take to be looked at.
const PART: Duration = Duration::from_secs(3);

/// Looks at everything by way of the hosts.
pub(crate) struct Caretaker {
    pub(crate) hosts: Arc<dyn Hosts>,
    pub(crate) bots: Arc<dyn DesiredBots>,
    pub(crate) executor: Executor,
    pub(crate) pool: Pool,
    pub(crate) nats: Option<Nats>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) norm: Norm,
}

#[async_trait]
impl System for Caretaker {
    async fn status(&self) -> SystemStatus {
        let version = timeout(PART, database::version(&self.pool)).await;
        let version = version.ok().and_then(Result::ok);
        let models =
            timeout(PART, admin::list(&self.pool)).await.ok().and_then(Result::ok).unwrap_or_default();
        let mut hosts = Vec::new();
        for (name, host) in self.named().await {
            hosts.push(host_status(name, &host).await);
        }
        SystemStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            database: ServerStatus { ok: version.is_some(), version },
            nats: self.nats_status().await,
            hosts,
            read_models: models
                .into_iter()
                .map(|row| ReadModelStatus {
                    name: row.name.to_owned(),
                    lag_events: row.lag_events.unsigned_abs(),
                    lag_seconds: row.lag_seconds,
                    parked: row.parked,
                })
                .collect(),
        }
    }

    async fn orphans(&self) -> Result<Vec<Orphan>, String> {
        let mut orphans = Vec::new();
        for (name, host) in self.named().await {
            let found = leftovers::find(&host, &self.executor, self.clock.now()).await;
            let found = found.map_err(|error| format!("{name}: {error}"))?;
            orphans.extend(found.into_iter().map(|one| orphan(&name, one)));
        }
        Ok(orphans)
    }

    async fn remove(&self, orphan: &Orphan) -> Result<(), String> {
        let host = self.named().await.into_iter().find(|(name, _)| *name == orphan.host);
        let (_, host) = host.ok_or("its host is gone")?;
        leftovers::remove(&host, &orphan.leftover).await.map_err(|error| error.to_string())
    }

    async fn examine(&self) -> Result<Vec<Diagnosis>, String> {
        let bots = self.bots.present(None).await.map_err(|error| error.to_string())?;
        // Each bot is looked at on the host that it is placed on.
        let mut placed: HashMap<usize, (Arc<Host>, Vec<DesiredBot>)> = HashMap::new();
        for bot in bots {
            let host = self.hosts.of(bot.id).await.map_err(|error| error.to_string())?;
            let key = Arc::as_ptr(&host) as usize;
            placed.entry(key).or_insert_with(|| (host, Vec::new())).1.push(bot);
        }
        let mut findings = Vec::new();
        for (host, bots) in placed.into_values() {
            let found = doctor::examine(&host, &bots, &self.norm).await.map_err(|error| error.to_string())?;
            findings.extend(found.into_iter().map(diagnosis));
        }
        findings.sort_by(|a, b| a.hostname.cmp(&b.hostname));
        Ok(findings)
    }
}

impl Caretaker {
    async fn named(&self) -> Vec<(String, Arc<Host>)> {
        let name = |n: usize| if n == 0 { "local".to_owned() } else { format!("host-{}", n + 1) };
        self.hosts.all().await.into_iter().enumerate().map(|(n, host)| (name(n), host)).collect()
    }

    async fn nats_status(&self) -> ServerStatus {
        let Some(nats) = &self.nats else { return ServerStatus { ok: false, version: None } };
        match timeout(PART, nats.client()).await {
            Ok(Ok(client)) if client.connection_state() == State::Connected => {
                ServerStatus { ok: true, version: Some(client.server_info().version) }
            }
            _ => ServerStatus { ok: false, version: None },
        }
    }
}

async fn host_status(name: String, host: &Host) -> HostStatus {
    let engine = timeout(PART, host.runtime.info()).await;
    let (engine, problem) = match engine {
        Ok(Ok(info)) => (Some(info.version), None),
        Ok(Err(error)) => (None, Some(error.to_string())),
        Err(_) => (None, Some("the container engine does not answer".to_owned())),
    };
    let disk = host.workspaces.disk().await.ok();
    HostStatus {
        name,
        engine,
        problem,
        disk_total_bytes: disk.map(|disk| disk.total),
        disk_free_bytes: disk.map(|disk| disk.free),
    }
}

fn orphan(host: &str, found: leftovers::Found) -> Orphan {
    let kind = match found.leftover.kind {
        LeftoverKind::Container => "container",
        LeftoverKind::Network => "network",
        LeftoverKind::Volume => "volume",
        LeftoverKind::Folder => "folder",
    };
    Orphan {
        host: host.to_owned(),
        kind: kind.to_owned(),
        id: found.leftover.id.clone(),
        name: found.leftover.name.clone(),
        bot_id: found.leftover.bot.map(|bot| bot.0),
        why: found.why.to_owned(),
        keep: found.keep.map(str::to_owned),
        since: found.since,
        leftover: found.leftover,
    }
}

fn diagnosis(found: Finding) -> Diagnosis {
    let grade = match found.grade {
        Grade::Good => "ok",
        Grade::Note => "note",
        Grade::Bad => "wrong",
    };
    Diagnosis {
        bot_id: found.bot.0,
        hostname: found.hostname,
        check: found.check.to_owned(),
        grade: grade.to_owned(),
        detail: found.detail,
        remedy: (found.grade == Grade::Bad).then(|| found.remedy.to_owned()),
    }
}
