//! `GET /api/bot/{hostname}/config`

use super::dto::ConfigDto;
use crate::{
    ApiState, answer::Answer, auth::Principal, bot_configs, extract::BotName, openapi::responses::Missing,
    problem::Problem, surround,
};
use axum::extract::State;

/// Shows a bot's configuration
///
/// With the platform's keys as they are now, and without secrets. `drifted` says whether the bot's own file is another one.
#[utoipa::path(
    get, path = "/api/bot/{hostname}/config", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "The configuration", body = ConfigDto,
        headers(("etag" = String, description = "The version, for `If-Match`"))), Missing),
)]
pub(crate) async fn get_config(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
) -> Result<Answer<ConfigDto>, Problem> {
    surround::about_bot(&hostname);
    let present = bot_configs::present(&api, principal.tenant, &hostname).await?;
    let version = present.bot.config.version;
    Ok(Answer::ok(ConfigDto::new(present)).etag(version))
}
