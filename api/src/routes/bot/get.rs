//! `GET /api/bot/{hostname}`

use super::dto::BotDto;
use crate::{
    ApiState, auth::Principal, bots, extract::BotName, openapi::responses::Missing, problem::Problem,
    surround,
};
use axum::{Json, extract::State};

/// Shows a bot
#[utoipa::path(
    get, path = "/api/bot/{hostname}", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "The bot", body = BotDto), Missing),
)]
pub(crate) async fn get_bot(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
) -> Result<Json<BotDto>, Problem> {
    surround::about_bot(&hostname);
    let row = bots::find(&api, principal.tenant, &hostname).await?;
    Ok(Json(BotDto::new(&api, row)))
}
