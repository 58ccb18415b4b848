//! The fold: hosts are few and change seldom, so each event is a statement. The domain's own fold makes the row.

use crate::{
    projection::{ApplyError, Projection},
    views::View,
};
use async_trait::async_trait;
use clawplane_domain::{
    Decide, Timestamp,
    host::{Host, HostEvent},
};
use clawplane_eventstore::{Filter, RecordedEvent};
use sqlx::{PgConnection, Row, types::Json};

/// Keeps `view_hosts`.
pub(crate) struct HostsProjection;

#[async_trait]
impl Projection for HostsProjection {
    fn view(&self) -> View {
        View::Hosts
    }

    fn version(&self) -> i32 {
        1
    }

    fn streams(&self) -> Filter {
        Filter::Types(&["host"])
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[RecordedEvent]) -> Result<(), ApplyError> {
        for recorded in events {
            let (id, event) = (&recorded.aggregate_id, recorded.decode()?);
            match event {
                HostEvent::Added { .. } => store(tx, Host::default(), event, recorded.metadata.at).await?,
                HostEvent::Removed { .. } => {
                    let delete = sqlx::query("DELETE FROM hosts WHERE id = $1::uuid");
                    delete.bind(id).execute(&mut *tx).await?;
                }
                event => {
                    let row = sqlx::query("SELECT host, added_at FROM hosts WHERE id = $1::uuid");
                    let row = row.bind(id).fetch_optional(&mut *tx).await?;
                    let row = row.ok_or_else(|| {
                        ApplyError::Senseless(format!("{} of a host without a row", recorded.event_type))
                    })?;
                    let Json(host) = row.try_get("host")?;
                    store(tx, host, event, row.try_get("added_at")?).await?;
                }
            }
        }
        Ok(())
    }
}

async fn store(
    tx: &mut PgConnection,
    mut host: Host,
    event: HostEvent,
    added_at: Timestamp,
) -> Result<(), ApplyError> {
    host.evolve(event);
    let Some(profile) = &host.profile else { return Ok(()) };
    sqlx::query(
        "INSERT INTO hosts (id, name, added_at, host) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, added_at = excluded.added_at, host = excluded.host",
    )
    .bind(profile.host.id.0)
    .bind(profile.host.name.as_str())
    .bind(added_at)
    .bind(Json(&host))
    .execute(tx)
    .await?;
    Ok(())
}
