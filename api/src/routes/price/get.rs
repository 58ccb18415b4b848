//! `GET /api/price/{id}`

use super::dto::PriceDto;
use crate::{ApiState, extract::PriceName, openapi::responses::Missing, problem::Problem};
use axum::{Json, extract::State};

/// Shows a price
#[utoipa::path(
    get, path = "/api/price/{id}", tag = "prices",
    params(("id" = Uuid, Path, description = "The price's id")),
    responses((status = 200, description = "The price", body = PriceDto), Missing),
)]
pub(crate) async fn get_price(
    State(api): State<ApiState>,
    PriceName(id): PriceName,
) -> Result<Json<PriceDto>, Problem> {
    let entry = api.views.prices.find(id).await?;
    entry.map(|entry| Json(entry.into())).ok_or_else(|| Problem::not_found("price"))
}
