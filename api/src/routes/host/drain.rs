//! `POST /api/hosts/{name}/drain`

use super::dto::HostDto;
use crate::{
    ApiState,
    answer::Answer,
    extract::{Bare, HostName},
    hosts,
    openapi::responses::{BadKey, KeyReused, Missing},
    problem::Problem,
};
use axum::extract::State;
use clawplane_domain::host::HostCommand;

/// Drains a host
///
/// It gets no new bots from now on. Those that are on it run on, and may be moved or deleted.
#[utoipa::path(
    post, path = "/api/hosts/{name}/drain", tag = "hosts",
    params(("name" = String, Path, description = "The host's name", example = "rack-1")),
    responses((status = 200, description = "The host", body = HostDto), BadKey, Missing, KeyReused),
)]
pub(crate) async fn drain_host(
    State(api): State<ApiState>,
    HostName(name): HostName,
    command: Bare,
) -> Result<Answer<HostDto>, Problem> {
    let (row, position) = hosts::change(&api, &name, HostCommand::Drain, command.context).await?;
    Ok(Answer::ok(row.into()).at(position))
}
