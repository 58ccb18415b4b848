//! `DELETE /api/hosts/{name}`

use crate::{
    ApiState,
    answer::Answer,
    extract::{Bare, HostName},
    hosts,
    openapi::responses::{BadKey, HostState, KeyReused, Missing},
    problem::Problem,
};
use axum::extract::State;

/// Removes a host
///
/// It has to be drained, and no bot may be on it or have left something there. Nothing on the machine itself is touched.
/// The platform's own host stays.
#[utoipa::path(
    delete, path = "/api/hosts/{name}", tag = "hosts",
    params(("name" = String, Path, description = "The host's name", example = "rack-1")),
    responses((status = 204, description = "The host is removed"), BadKey, Missing, HostState, KeyReused),
)]
pub(crate) async fn remove_host(
    State(api): State<ApiState>,
    HostName(name): HostName,
    command: Bare,
) -> Result<Answer<()>, Problem> {
    let position = hosts::remove(&api, &name, command.context).await?;
    Ok(Answer::nothing().at(position))
}
