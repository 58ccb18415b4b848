//! `GET /api/bot/stats`

use super::dto::BotStatsDto;
use crate::{ApiState, auth::Principal, problem::Problem};
use axum::{Json, extract::State};

/// Counts the tenant's bots
#[utoipa::path(
    get, path = "/api/bot/stats", tag = "bots",
    responses((status = 200, description = "The bots by state", body = BotStatsDto)),
)]
pub(crate) async fn bot_stats(
    State(api): State<ApiState>,
    principal: Principal,
) -> Result<Json<BotStatsDto>, Problem> {
    Ok(Json(api.views.bots.stats(principal.tenant).await?.into()))
}
