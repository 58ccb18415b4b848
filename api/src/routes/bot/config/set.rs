//! `PUT /api/bot/{hostname}/config`

use super::dto::{SavedConfig, follows};
use crate::{
    ApiState,
    answer::Answer,
    bot_configs::{self, Save},
    extract::{BotName, Command},
    openapi::responses::{ConfigDrifted, Invalid, KeyReused, Missing, Stale},
    problem::{Kind, Problem},
    surround,
};
use axum::{extract::State, http::HeaderMap};
use clawplane_domain::bot::ConfigOrigin;
use serde::Deserialize;
use utoipa::ToSchema;

/// Another configuration.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ConfigRequest {
    /// `openclaw.json`, JSON5, at most 256 kB. Every byte of it stays, comments too. Keys that are the platform's (`gateway`
    /// apart from `reload` and `tools`, `models.mode`, `models.providers`, `agents.defaults.workspace`) may be as they are
    /// or left out. No secret may be in it: `${NAME}` and OpenClaw's secret references may.
    #[schema(example = "{ /* mine */ session: { dmScope: 'main' } }")]
    text: String,
    /// Replaces the bot's own file also where it was changed inside of the bot.
    #[serde(default)]
    discard_drift: bool,
}

/// Saves a configuration
///
/// It is checked before it is saved: its syntax, its size, the platform's keys, secrets, and by the bot's own OpenClaw
/// where its image is there. `errors` names the places. A running bot has it within seconds.
#[utoipa::path(
    put, path = "/api/bot/{hostname}/config", tag = "bots", request_body = ConfigRequest,
    params(
        ("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"),
        ("If-Match" = String, Header, description = "The version that this follows", example = "\"3\""),
    ),
    responses((status = 200, description = "The version that counts now", body = SavedConfig),
        Invalid, Missing, ConfigDrifted, Stale, KeyReused),
)]
pub(crate) async fn set_config(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    headers: HeaderMap,
    command: Command<ConfigRequest>,
) -> Result<Answer<SavedConfig>, Problem> {
    surround::about_bot(&hostname);
    let present = bot_configs::present(&api, command.principal.tenant, &hostname).await?;
    let follows = follows(&headers, present.bot.config.version)?;
    if present.drifted && follows == present.bot.config.version && !command.input.discard_drift {
        return Err(Problem::new(
            Kind::Conflict,
            "the bot's own file was changed inside of the bot: adopt that first, or say `discardDrift`",
        ));
    }
    let save = Save { bot: &present.bot, text: &command.input.text, follows, origin: ConfigOrigin::Saved };
    let saved = bot_configs::save(&api, save, command.context).await?;
    SavedConfig::answer(&api, &present.bot, saved).await
}
