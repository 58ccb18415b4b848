//! `GET|PUT|DELETE /api/backups/schedules/{id}`

use super::schedules::{ScheduleDto, ScheduleRequest, zone};
use crate::{
    ApiState,
    answer::Answer,
    auth::Principal,
    backups,
    extract::{Bare, Command, ScheduleName},
    openapi::responses::{BadKey, Invalid, KeyReused, Missing},
    problem::Problem,
};
use axum::{Json, extract::State};

/// Shows a backup schedule
#[utoipa::path(
    get, path = "/api/backups/schedules/{id}", tag = "backups",
    params(("id" = Uuid, Path, description = "The schedule's id")),
    responses((status = 200, description = "The schedule", body = ScheduleDto), Missing),
)]
pub(crate) async fn get_schedule(
    State(api): State<ApiState>,
    principal: Principal,
    ScheduleName(id): ScheduleName,
) -> Result<Json<ScheduleDto>, Problem> {
    let row = api.views.backups.schedule(principal.tenant, id).await?;
    let row = row.ok_or_else(|| Problem::not_found("backup schedule"))?;
    Ok(Json(ScheduleDto::new(row, zone(&api, principal.tenant).await?, api.clock.now())))
}

/// Changes a backup schedule
///
/// It replaces all that was said. What it made before is kept by the new rule.
#[utoipa::path(
    put, path = "/api/backups/schedules/{id}", tag = "backups", request_body = ScheduleRequest,
    params(("id" = Uuid, Path, description = "The schedule's id")),
    responses((status = 200, description = "The schedule", body = ScheduleDto), Invalid, Missing, KeyReused),
)]
pub(crate) async fn set_schedule(
    State(api): State<ApiState>,
    ScheduleName(id): ScheduleName,
    command: Command<ScheduleRequest>,
) -> Result<Answer<ScheduleDto>, Problem> {
    let Command { principal, input, context } = command;
    let rule = input.check(&api, principal).await?;
    let zone = zone(&api, principal.tenant).await?;
    let (row, position) = backups::schedules::change(&api, principal, id, rule, context).await?;
    Ok(Answer::ok(ScheduleDto::new(row, zone, api.clock.now())).at(position))
}

/// Removes a backup schedule
///
/// The backups that it made stay until they are deleted.
#[utoipa::path(
    delete, path = "/api/backups/schedules/{id}", tag = "backups",
    params(("id" = Uuid, Path, description = "The schedule's id")),
    responses((status = 204, description = "The schedule is removed"), BadKey, Missing, KeyReused),
)]
pub(crate) async fn remove_schedule(
    State(api): State<ApiState>,
    ScheduleName(id): ScheduleName,
    command: Bare,
) -> Result<Answer<()>, Problem> {
    let position = backups::schedules::remove(&api, command.principal, id, command.context).await?;
    Ok(Answer::nothing().at(position))
}
