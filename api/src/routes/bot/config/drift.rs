//! `GET /api/bot/{hostname}/config/drift`

use super::diff::DiffDto;
use crate::{
    ApiState, auth::Principal, bot_configs, extract::BotName, openapi::responses::Missing, problem::Problem,
    surround,
};
use axum::{Json, extract::State};

/// Shows what was changed in the bot's own file
///
/// Compared with the present version. What OpenClaw was told inside of the bot may be secret, so this takes more than seeing
/// the bot.
#[utoipa::path(
    get, path = "/api/bot/{hostname}/config/drift", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "The difference; empty where there is none", body = DiffDto), Missing),
)]
pub(crate) async fn config_drift(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
) -> Result<Json<DiffDto>, Problem> {
    surround::about_bot(&hostname);
    let present = bot_configs::present(&api, principal.tenant, &hostname).await?;
    let name = format!("version {}", present.bot.config.version);
    let file = present.file.filter(|_| present.drifted).map(|file| file.text);
    let diff = file.map(|file| bot_configs::diff((&name, &present.text), ("the bot's file", &file)));
    Ok(Json(DiffDto { diff: diff.unwrap_or_default() }))
}
