//! `DELETE /api/price/{id}`

use crate::{
    ApiState,
    answer::Answer,
    extract::{Bare, PriceName},
    openapi::responses::{BadKey, KeyReused, Missing},
    prices,
    problem::Problem,
};
use axum::extract::State;

/// Removes a price
///
/// The model costs again what another price or the price list says; without any its price is unknown.
#[utoipa::path(
    delete, path = "/api/price/{id}", tag = "prices",
    params(("id" = Uuid, Path, description = "The price's id")),
    responses((status = 204, description = "The price is removed"), BadKey, Missing, KeyReused),
)]
pub(crate) async fn remove_price(
    State(api): State<ApiState>,
    PriceName(id): PriceName,
    command: Bare,
) -> Result<Answer<()>, Problem> {
    let position = prices::remove(&api, id, command.context).await?;
    Ok(Answer::nothing().at(position))
}
