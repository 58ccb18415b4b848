//! `GET /api/hosts/{name}`

use super::dto::HostDto;
use crate::{ApiState, extract::HostName, hosts, openapi::responses::Missing, problem::Problem};
use axum::{Json, extract::State};

/// Shows a host
#[utoipa::path(
    get, path = "/api/hosts/{name}", tag = "hosts",
    params(("name" = String, Path, description = "The host's name", example = "rack-1")),
    responses((status = 200, description = "The host", body = HostDto), Missing),
)]
pub(crate) async fn get_host(
    State(api): State<ApiState>,
    HostName(name): HostName,
) -> Result<Json<HostDto>, Problem> {
    Ok(Json(hosts::find(&api, &name).await?.into()))
}
