//! `GET /api/hosts`

use super::dto::HostDto;
use crate::{
    ApiState,
    extract::Query,
    openapi::responses::BadQuery,
    problem::Problem,
    routes::page::{PageOf, PageParams},
};
use axum::{Json, extract::State};

/// Lists the hosts, by name
#[utoipa::path(
    get, path = "/api/hosts", tag = "hosts", params(PageParams),
    responses((status = 200, description = "A page of hosts", body = PageOf<HostDto>), BadQuery),
)]
pub(crate) async fn list_hosts(
    State(api): State<ApiState>,
    Query(params): Query<PageParams>,
) -> Result<Json<PageOf<HostDto>>, Problem> {
    let (after, limit) = params.check()?;
    let page = api.views.hosts.list(after, limit).await?;
    Ok(Json(PageOf::of(page, HostDto::from)))
}
