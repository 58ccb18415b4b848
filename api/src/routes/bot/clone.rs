//! `POST /api/bot/{hostname}/clone`

use super::dto::CreatedBot;
use crate::{
    ApiState,
    answer::Answer,
    bots::life,
    extract::{BotName, Command},
    fields::Fields,
    openapi::responses::{Invalid, KeyReused, Missing, Taken},
    problem::Problem,
    surround,
};
use axum::extract::State;
use clawplane_domain::values::{Hostname, Label};
use serde::Deserialize;
use utoipa::ToSchema;

/// The names of the new bot.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloneBotRequest {
    /// Its name in the API.
    #[schema(example = "support-bot-2", min_length = 1, max_length = 63)]
    hostname: String,
    /// Its name for people; the hostname, when absent.
    #[schema(example = "Second support bot", max_length = 100)]
    name: Option<String>,
}

/// Makes a bot like another one
///
/// With its image, models, tags, limits, environment, switches, fallbacks and what it may reach, and with the persona files
/// (`SOUL.md`, `AGENTS.md`, `IDENTITY.md`) that the other has when the new one first starts. Not with its quota, and not with
/// what it remembers. It is stopped at first; its gateway token is in this answer and in no other.
#[utoipa::path(
    post, path = "/api/bot/{hostname}/clone", tag = "bots", request_body = CloneBotRequest,
    params(("hostname" = String, Path, description = "The other bot's hostname", example = "support-bot")),
    responses(
        (status = 201, description = "The new bot with its gateway token", body = CreatedBot,
         headers(("location" = String, description = "Where the bot is found"))),
        Invalid, Missing, Taken, KeyReused,
    ),
)]
pub(crate) async fn clone_bot(
    State(api): State<ApiState>,
    BotName(like): BotName,
    command: Command<CloneBotRequest>,
) -> Result<Answer<CreatedBot>, Problem> {
    surround::about_bot(&like);
    let names = command.input.check()?;
    let created = life::clone(&api, command.principal, &like, names, command.context).await?;
    let position = created.position;
    let bot = CreatedBot::new(&api, created);
    Ok(Answer::created(bot.location(), bot).at(position))
}

impl CloneBotRequest {
    fn check(self) -> Result<(Hostname, Label), Problem> {
        let mut fields = Fields::default();
        let hostname = fields.parse("hostname", &self.hostname);
        // A wrong hostname is told once, not again as a name.
        let name = match &self.name {
            Some(name) => fields.parse("name", name),
            None => self.hostname.parse().ok(),
        };
        fields.finish(hostname.zip(name))
    }
}
