//! `PATCH /api/hosts/{name}`

use super::dto::{HostChangeRequest, HostDto};
use crate::{
    ApiState,
    answer::Answer,
    extract::{Command, HostName},
    hosts,
    openapi::responses::{Invalid, KeyReused, Missing},
    problem::Problem,
};
use axum::extract::State;
use clawplane_domain::host::HostCommand;

/// Changes a host's labels or capacity
///
/// Bots that are on it stay, also where they have reserved more than the new capacity.
#[utoipa::path(
    patch, path = "/api/hosts/{name}", tag = "hosts", request_body = HostChangeRequest,
    params(("name" = String, Path, description = "The host's name", example = "rack-1")),
    responses((status = 200, description = "The host", body = HostDto), Invalid, Missing, KeyReused),
)]
pub(crate) async fn change_host(
    State(api): State<ApiState>,
    HostName(name): HostName,
    command: Command<HostChangeRequest>,
) -> Result<Answer<HostDto>, Problem> {
    let change = HostCommand::Change(command.input.check()?);
    let (row, position) = hosts::change(&api, &name, change, command.context).await?;
    Ok(Answer::ok(row.into()).at(position))
}
