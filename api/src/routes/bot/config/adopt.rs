//! `POST /api/bot/{hostname}/config/adopt`

use super::dto::SavedConfig;
use crate::{
    ApiState,
    answer::Answer,
    bot_configs::{self, Save},
    extract::{Bare, BotName},
    openapi::responses::{BadKey, KeyReused, Missing, NotDrifted, Stale},
    problem::{Kind, Problem},
    surround,
};
use axum::extract::State;
use clawplane_domain::bot::ConfigOrigin;

/// Makes a version of what the bot's own file holds
///
/// Of what OpenClaw or somebody inside of the bot wrote there. It is checked as any other: a secret in it has to become a
/// reference first.
#[utoipa::path(
    post, path = "/api/bot/{hostname}/config/adopt", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "The version that counts now", body = SavedConfig),
        BadKey, Missing, NotDrifted, Stale, KeyReused),
)]
pub(crate) async fn adopt_config(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Bare,
) -> Result<Answer<SavedConfig>, Problem> {
    surround::about_bot(&hostname);
    let present = bot_configs::present(&api, command.principal.tenant, &hostname).await?;
    let Some(file) = present.file.filter(|_| present.drifted) else {
        return Err(Problem::new(Kind::Conflict, "the bot's own file holds nothing that no version has"));
    };
    let bot = &present.bot;
    let save = Save { bot, text: &file.text, follows: bot.config.version, origin: ConfigOrigin::Adopted };
    let saved = bot_configs::save(&api, save, command.context).await?;
    SavedConfig::answer(&api, bot, saved).await
}
