//! `POST /api/hosts`

use super::dto::{HostDto, HostRequest};
use crate::{
    ApiState,
    answer::Answer,
    extract::Command,
    hosts,
    openapi::responses::{HostState, Invalid, KeyReused},
    problem::Problem,
};
use axum::extract::State;

/// Adds a host
///
/// A worker that may lead it reaches its engine within seconds; `state` says how that went. Bots are placed on it from
/// now on.
#[utoipa::path(
    post, path = "/api/hosts", tag = "hosts", request_body = HostRequest,
    responses(
        (status = 201, description = "The host", body = HostDto,
         headers(("location" = String, description = "Where the host is found"))),
        Invalid, HostState, KeyReused,
    ),
)]
pub(crate) async fn add_host(
    State(api): State<ApiState>,
    command: Command<HostRequest>,
) -> Result<Answer<HostDto>, Problem> {
    let new = command.input.check(&api)?;
    let (row, position) = hosts::add(&api, new, command.context).await?;
    let host = HostDto::from(row);
    Ok(Answer::created(host.location(), host).at(position))
}
