//! `GET /api/backups/{id}/events`

use super::dto::{BackupDto, RestoreDto};
use crate::{
    ApiState, auth::Principal, backups, extract::BackupName, openapi::responses::Missing, problem::Problem,
};
use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use clawplane_domain::{BackupId, TenantId, backup::BackupState};
use clawplane_projections::BackupRow;
use futures::{Stream, stream};
use serde::Serialize;
use std::{convert::Infallible, time::Duration};
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// A stream ends after this, whatever the backup does; a client comes again.
const LONGEST: Duration = Duration::from_hours(1);

/// How far a backup is, or what is done with it.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackupProgress {
    /// `requested`, `running`, `completed` or `failed`.
    #[schema(value_type = String, example = "running")]
    state: BackupState,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What is being done: `reading`, `storing`, `verifying`, `unpacking`, `swapping`; absent when nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "reading")]
    stage: Option<String>,
    /// Bytes that are done.
    done: u64,
    /// Bytes there are, as far as they are known; else 0.
    total: u64,
    /// It is being checked.
    verifying: bool,
    /// The last restore.
    #[serde(skip_serializing_if = "Option::is_none")]
    restore: Option<RestoreDto>,
}

/// Tells how far a backup is, as server-sent events
///
/// An event `progress` at once and at every change; an event `end` with the whole backup when nothing is left to do
/// for it, or `deleted` when it was deleted; then the stream ends.
#[utoipa::path(
    get, path = "/api/backups/{id}/events", tag = "backups",
    params(("id" = Uuid, Path, description = "The backup's id")),
    responses(
        (status = 200, description = "Server-sent events", content_type = "text/event-stream", body = BackupProgress),
        Missing,
    ),
)]
pub(crate) async fn backup_events(
    State(api): State<ApiState>,
    principal: Principal,
    BackupName(id): BackupName,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    backups::find(&api, principal.tenant, id).await?;
    let watch = Watch { api, tenant: principal.tenant, id, told: None, until: Instant::now() + LONGEST };
    let events = stream::unfold(Some(watch), |watch| async move {
        let (event, watch) = watch?.next().await?;
        Some((Ok(event), watch))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

struct Watch {
    api: ApiState,
    tenant: TenantId,
    id: BackupId,
    told: Option<BackupProgress>,
    until: Instant,
}

impl Watch {
    /// The next event, and what goes on after it.
    async fn next(mut self) -> Option<(Event, Option<Self>)> {
        while Instant::now() < self.until {
            match self.look().await {
                // The database may be back soon.
                Err(_) => {}
                Ok(None) => return Some((Event::default().event("deleted").data("{}"), None)),
                Ok(Some((row, now))) => {
                    if self.told.as_ref() != Some(&now) {
                        let event = Event::default().event("progress").json_data(&now).ok()?;
                        self.told = Some(now);
                        return Some((event, Some(self)));
                    }
                    if !is_open(&row) {
                        let whole = BackupDto::from(row);
                        return Some((Event::default().event("end").json_data(&whole).ok()?, None));
                    }
                }
            }
            sleep(LOOK_EVERY).await;
        }
        None
    }

    async fn look(&self) -> Result<Option<(BackupRow, BackupProgress)>, Problem> {
        let Some(row) = self.api.views.backups.find(self.tenant, self.id).await? else { return Ok(None) };
        let progress = match is_open(&row) {
            true => self.api.progress.get(self.id.0).await?,
            false => None,
        };
        let (stage, done, total) =
            progress.map_or((None, 0, 0), |now| (Some(now.stage), now.done, now.total));
        let now = BackupProgress {
            state: row.backup.state,
            reason: row.backup.reason.clone(),
            stage,
            done,
            total,
            verifying: row.backup.verifying,
            restore: row.backup.restore.clone().map(Into::into),
        };
        Ok(Some((row, now)))
    }
}

fn is_open(row: &BackupRow) -> bool {
    let backup = &row.backup;
    matches!(backup.state, BackupState::Requested | BackupState::Running)
        || backup.verifying
        || backup.open_restore().is_some()
}
