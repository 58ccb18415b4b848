//! `POST /api/hosts/{name}/resume`

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

/// Places bots on a host again
///
/// It may get bots from now on.
#[utoipa::path(
    post, path = "/api/hosts/{name}/resume", tag = "hosts",
    params(("name" = String, Path, description = "The host's name", example = "rack-1")),
    responses((status = 200, description = "The host", body = HostDto), BadKey, Missing, KeyReused),
)]
pub(crate) async fn resume_host(
    State(api): State<ApiState>,
    HostName(name): HostName,
    command: Bare,
) -> Result<Answer<HostDto>, Problem> {
    let (row, position) = hosts::change(&api, &name, HostCommand::Resume, command.context).await?;
    Ok(Answer::ok(row.into()).at(position))
}
