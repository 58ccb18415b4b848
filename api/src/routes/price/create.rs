//! `POST /api/price`

use super::dto::{PriceDto, PriceRequest};
use crate::{
    ApiState,
    answer::Answer,
    extract::Command,
    openapi::responses::{Invalid, KeyReused, PriceTaken},
    prices,
    problem::Problem,
};
use axum::extract::State;
use clawplane_domain::PriceId;

/// Says what a model costs
///
/// It counts within a second, for new requests of all tenants. What is recorded already stays as it is.
#[utoipa::path(
    post, path = "/api/price", tag = "prices", request_body = PriceRequest,
    responses(
        (status = 201, description = "The price", body = PriceDto,
         headers(("location" = String, description = "Where the price is found"))),
        Invalid, PriceTaken, KeyReused,
    ),
)]
pub(crate) async fn add_price(
    State(api): State<ApiState>,
    command: Command<PriceRequest>,
) -> Result<Answer<PriceDto>, Problem> {
    let row = command.input.check(&api)?;
    let id = PriceId(api.ids.uuid());
    let (entry, position) = prices::add(&api, id, row, command.context).await?;
    let price = PriceDto::from(entry);
    Ok(Answer::created(price.location(), price).at(position))
}
