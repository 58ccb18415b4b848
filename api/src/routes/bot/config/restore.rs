//! `POST /api/bot/{hostname}/config/versions/{version}/restore`

use super::dto::SavedConfig;
use crate::{
    ApiState,
    answer::Answer,
    bot_configs::{self, Save},
    bots,
    extract::{Bare, BotVersion},
    openapi::responses::{BadKey, KeyReused, Missing, Stale},
    problem::Problem,
    surround,
};
use axum::extract::State;
use clawplane_domain::bot::ConfigOrigin;

/// Saves an earlier version of a configuration again
///
/// As a new version, with the platform's keys as they are now. Version 0 is what the platform makes. What was changed
/// inside of the bot is replaced.
#[utoipa::path(
    post, path = "/api/bot/{hostname}/config/versions/{version}/restore", tag = "bots",
    params(
        ("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"),
        ("version" = u64, Path, description = "The version", example = 2),
    ),
    responses((status = 200, description = "The version that counts now", body = SavedConfig), BadKey, Missing, Stale, KeyReused),
)]
pub(crate) async fn restore_config(
    State(api): State<ApiState>,
    BotVersion(hostname, version): BotVersion,
    command: Bare,
) -> Result<Answer<SavedConfig>, Problem> {
    surround::about_bot(&hostname);
    let bot = bots::find(&api, command.principal.tenant, &hostname).await?;
    let (_, text) = bot_configs::version(&api, &bot, version).await?;
    let text = bot_configs::with_platform(&text, &bot);
    let origin = ConfigOrigin::Restored { version };
    let save = Save { bot: &bot, text: &text, follows: bot.config.version, origin };
    let saved = bot_configs::save(&api, save, command.context).await?;
    SavedConfig::answer(&api, &bot, saved).await
}
