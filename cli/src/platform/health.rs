//! How the parts of the platform are, for `/api/health`.

use async_nats::connection::State;
use async_trait::async_trait;
use clawplane_api::{HealthChecks, PartHealth, PartStatus};
use clawplane_eventstore::{Feed, database::Pool};
use clawplane_projections::admin;
use clawplane_workers::{EngineStatus, Nats};
use std::time::Duration;
use tokio::{sync::watch, time::timeout};

/// A read model that is further behind than this is called degraded.
const LAG_SECONDS: f64 = 30.0;
/// How long NATS may take to be looked at.
const ANSWER: Duration = Duration::from_secs(1);

/// Asks each part.
pub(super) struct Checks {
    pub(super) feed: Feed,
    pub(super) pool: Pool,
    pub(super) engine: Option<watch::Receiver<EngineStatus>>,
    pub(super) nats: Option<Nats>,
}

#[async_trait]
impl HealthChecks for Checks {
    async fn parts(&self) -> Vec<PartHealth> {
        let mut parts = vec![self.database().await, self.projections().await];
        if let Some(nats) = &self.nats {
            parts.push(is_connected(nats).await);
        }
        parts.extend(self.engine.as_ref().map(|status| docker(&status.borrow())));
        parts
    }
}

impl Checks {
    async fn database(&self) -> PartHealth {
        match self.feed.head().await {
            Ok(_) => part("database", PartStatus::Ok, None),
            Err(error) => {
                tracing::warn!(%error, "the health check found no database");
                part("database", PartStatus::Down, Some("Postgres does not answer".to_owned()))
            }
        }
    }

    async fn projections(&self) -> PartHealth {
        let Ok(rows) = admin::list(&self.pool).await else {
            return part("projections", PartStatus::Degraded, Some("cannot be looked at".to_owned()));
        };
        let behind = rows.iter().find(|row| row.lag_seconds > LAG_SECONDS).map(|row| {
            format!("`{}` is {} events ({:.0} s) behind", row.name, row.lag_events, row.lag_seconds)
        });
        let parked = rows.iter().find(|row| row.parked > 0);
        let parked = parked.map(|row| format!("`{}` has set {} events aside", row.name, row.parked));
        match behind.or(parked) {
            Some(detail) => part("projections", PartStatus::Degraded, Some(detail)),
            None => part("projections", PartStatus::Ok, None),
        }
    }
}

/// Without NATS the workers are slower to notice, nothing else.
async fn is_connected(nats: &Nats) -> PartHealth {
    match timeout(ANSWER, nats.client()).await {
        Ok(Ok(client)) if client.connection_state() == State::Connected => part("nats", PartStatus::Ok, None),
        _ => part("nats", PartStatus::Degraded, Some("not connected".to_owned())),
    }
}

fn docker(status: &EngineStatus) -> PartHealth {
    match status {
        EngineStatus::Available { .. } => part("docker", PartStatus::Ok, None),
        EngineStatus::Unknown => part("docker", PartStatus::Degraded, Some("not asked yet".to_owned())),
        EngineStatus::Unavailable { reason } => part("docker", PartStatus::Degraded, Some(reason.clone())),
    }
}

fn part(name: &str, status: PartStatus, detail: Option<String>) -> PartHealth {
    PartHealth { name: name.to_owned(), status, detail }
}
