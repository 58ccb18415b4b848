//! `GET /api/bot/stats`

pub(crate) mod all;
pub(crate) mod dto;
pub(crate) mod one;

use super::dto::BotStatsDto;
use crate::{ApiState, auth::Principal, machines::wants_events, problem::Problem};
use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};

/// Counts the tenant's bots
///
/// With `accept: text/event-stream`, an event `stats` every two seconds with the counts and with what every running bot uses.
#[utoipa::path(
    get, path = "/api/bot/stats", tag = "bots",
    responses((status = 200, description = "The bots by state", content(
        (BotStatsDto = "application/json"), (all::FleetStats = "text/event-stream"),
    ))),
)]
pub(crate) async fn bot_stats(
    State(api): State<ApiState>,
    principal: Principal,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let counts = BotStatsDto::from(api.views.bots.stats(principal.tenant).await?);
    if !wants_events(&headers) {
        return Ok(Json(counts).into_response());
    }
    Ok(all::follow(api, principal, counts))
}
