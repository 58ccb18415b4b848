//! `GET /api/provider-key`

use super::dto::KeyDto;
use crate::{
    ApiState,
    auth::Principal,
    extract::Query,
    openapi::responses::BadQuery,
    problem::Problem,
    routes::page::{PageOf, PageParams},
};
use axum::{Json, extract::State};

/// Lists the tenant's provider keys, oldest first, without their secrets
#[utoipa::path(
    get, path = "/api/provider-key", tag = "provider keys", params(PageParams),
    responses((status = 200, description = "A page of keys", body = PageOf<KeyDto>), BadQuery),
)]
pub(crate) async fn list_keys(
    State(api): State<ApiState>,
    principal: Principal,
    Query(params): Query<PageParams>,
) -> Result<Json<PageOf<KeyDto>>, Problem> {
    let (after, limit) = params.check()?;
    let page = api.views.keys.list(principal.tenant, after, limit).await?;
    Ok(Json(PageOf::of(page, KeyDto::from)))
}
