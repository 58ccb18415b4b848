//! `PUT /api/price/{id}`

use super::dto::{PriceDto, PriceRequest};
use crate::{
    ApiState,
    answer::Answer,
    extract::{Command, PriceName},
    openapi::responses::{Invalid, KeyReused, Missing, PriceTaken},
    prices,
    problem::Problem,
};
use axum::extract::State;

/// Changes a price
///
/// It replaces all that was said, and has a new version. What is recorded already stays as it is.
#[utoipa::path(
    put, path = "/api/price/{id}", tag = "prices", request_body = PriceRequest,
    params(("id" = Uuid, Path, description = "The price's id")),
    responses((status = 200, description = "The price", body = PriceDto), Invalid, Missing, PriceTaken, KeyReused),
)]
pub(crate) async fn set_price(
    State(api): State<ApiState>,
    PriceName(id): PriceName,
    command: Command<PriceRequest>,
) -> Result<Answer<PriceDto>, Problem> {
    let row = command.input.check(&api)?;
    let (entry, position) = prices::change(&api, id, row, command.context).await?;
    Ok(Answer::ok(entry.into()).at(position))
}
