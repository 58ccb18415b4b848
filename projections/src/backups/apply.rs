//! The fold: backups change seldom, so each event loads its row, lets the domain fold it, and stores it.

use crate::{
    projection::{ApplyError, Projection},
    views::View,
};
use async_trait::async_trait;
use clawplane_domain::{
    Decide,
    backup::{Backup, BackupEvent, BackupState},
    backup_schedule::{BackupSchedule, ScheduleEvent},
};
use clawplane_eventstore::{Filter, RecordedEvent};
use sqlx::{PgConnection, Row, types::Json};

/// Keeps `view_backups`.
pub(crate) struct BackupsProjection;

#[async_trait]
impl Projection for BackupsProjection {
    fn view(&self) -> View {
        View::Backups
    }

    fn version(&self) -> i32 {
        1
    }

    fn streams(&self) -> Filter {
        Filter::Types(&["backup", "backup_schedule"])
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[RecordedEvent]) -> Result<(), ApplyError> {
        for event in events {
            match event.aggregate_type.as_str() {
                "backup" => backup(tx, event).await?,
                _ => schedule(tx, event).await?,
            }
        }
        Ok(())
    }
}

async fn backup(tx: &mut PgConnection, event: &RecordedEvent) -> Result<(), ApplyError> {
    let decoded: BackupEvent = event.decode()?;
    let row = sqlx::query("SELECT backup, requested_at, ended_at FROM backups WHERE id = $1::uuid")
        .bind(&event.aggregate_id)
        .fetch_optional(&mut *tx)
        .await?;
    let (mut folded, requested_at, mut ended_at) = match row {
        Some(row) => (row.try_get::<Json<Backup>, _>(0)?.0, row.try_get(1)?, row.try_get(2)?),
        None => (Backup::default(), event.metadata.at, None),
    };
    if matches!(decoded, BackupEvent::Completed { .. } | BackupEvent::Failed { .. }) {
        ended_at = Some(event.metadata.at);
    }
    folded.evolve(decoded);
    let Some(now) = &folded.profile else {
        return Err(ApplyError::Senseless(format!("{} of a backup without a row", event.event_type)));
    };
    if now.removed {
        sqlx::query("DELETE FROM backups WHERE id = $1").bind(now.request.id.0).execute(tx).await?;
        return Ok(());
    }
    let working = matches!(now.state, BackupState::Requested | BackupState::Running | BackupState::Deleted);
    sqlx::query(
        "INSERT INTO backups (id, tenant_id, bot_id, batch_id, schedule_id, state, open, requested_at, ended_at, backup)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, open = excluded.open, ended_at = excluded.ended_at,
             backup = excluded.backup",
    )
    .bind(now.request.id.0)
    .bind(now.request.tenant_id.0)
    .bind(now.request.bot_id.0)
    .bind(now.request.batch_id.map(|id| id.0))
    .bind(now.request.schedule_id.map(|id| id.0))
    .bind(format!("{:?}", now.state).to_lowercase())
    .bind(working || now.verifying || now.open_restore().is_some())
    .bind(requested_at)
    .bind(ended_at)
    .bind(Json(&folded))
    .execute(tx)
    .await?;
    Ok(())
}

async fn schedule(tx: &mut PgConnection, event: &RecordedEvent) -> Result<(), ApplyError> {
    let decoded: ScheduleEvent = event.decode()?;
    let row = sqlx::query("SELECT schedule FROM schedules WHERE id = $1::uuid")
        .bind(&event.aggregate_id)
        .fetch_optional(&mut *tx)
        .await?;
    let mut folded = match row {
        Some(row) => row.try_get::<Json<BackupSchedule>, _>(0)?.0,
        None => BackupSchedule::default(),
    };
    folded.evolve(decoded);
    let Some(active) = &folded.active else {
        sqlx::query("DELETE FROM schedules WHERE id = $1::uuid")
            .bind(&event.aggregate_id)
            .execute(tx)
            .await?;
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO schedules (id, tenant_id, schedule) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET schedule = excluded.schedule",
    )
    .bind(active.id.0)
    .bind(active.tenant_id.0)
    .bind(Json(&folded))
    .execute(tx)
    .await?;
    Ok(())
}
