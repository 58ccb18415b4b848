//! `GET /api/bot`

use super::dto::BotDto;
use crate::{
    ApiState,
    auth::Principal,
    extract::Query,
    openapi::responses::BadQuery,
    problem::Problem,
    routes::page::{PageOf, PageParams},
};
use axum::{Json, extract::State};

/// Lists the tenant's bots, by hostname
#[utoipa::path(
    get, path = "/api/bot", tag = "bots", params(PageParams),
    responses((status = 200, description = "A page of bots", body = PageOf<BotDto>), BadQuery),
)]
pub(crate) async fn list_bots(
    State(api): State<ApiState>,
    principal: Principal,
    Query(params): Query<PageParams>,
) -> Result<Json<PageOf<BotDto>>, Problem> {
    let (after, limit) = params.check()?;
    let page = api.views.bots.list(principal.tenant, after, limit).await?;
    Ok(Json(PageOf::of(page, |row| BotDto::new(&api, row))))
}
