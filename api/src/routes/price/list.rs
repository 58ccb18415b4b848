//! `GET /api/price`

use super::dto::PriceDto;
use crate::{
    ApiState,
    extract::Query,
    openapi::responses::BadQuery,
    problem::Problem,
    routes::page::{PageOf, PageParams},
};
use axum::{Json, extract::State};

/// Lists the platform's own prices, oldest first
#[utoipa::path(
    get, path = "/api/price", tag = "prices", params(PageParams),
    responses((status = 200, description = "A page of prices", body = PageOf<PriceDto>), BadQuery),
)]
pub(crate) async fn list_prices(
    State(api): State<ApiState>,
    Query(params): Query<PageParams>,
) -> Result<Json<PageOf<PriceDto>>, Problem> {
    let (after, limit) = params.check()?;
    let page = api.views.prices.list(after, limit).await?;
    Ok(Json(PageOf::of(page, PriceDto::from)))
}
