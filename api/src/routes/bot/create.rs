//! `POST /api/bot`

use super::{dto::CreatedBot, new::CreateBotRequest};
use crate::{
    ApiState,
    answer::Answer,
    bots,
    extract::Command,
    openapi::responses::{Invalid, KeyReused, Taken},
    problem::Problem,
    surround,
};
use axum::extract::State;

/// Makes a bot
///
/// It is stopped at first. Its gateway token is in this answer and in no other, except for a repetition of the same
/// request with the same `Idempotency-Key`.
#[utoipa::path(
    post, path = "/api/bot", tag = "bots", request_body = CreateBotRequest,
    responses(
        (status = 201, description = "The bot with its gateway token", body = CreatedBot,
         headers(("location" = String, description = "Where the bot is found"))),
        Invalid, Taken, KeyReused,
    ),
)]
pub(crate) async fn create_bot(
    State(api): State<ApiState>,
    command: Command<CreateBotRequest>,
) -> Result<Answer<CreatedBot>, Problem> {
    let new = command.input.check(&api, command.principal)?;
    surround::about_bot(&new.bot.hostname);
    let created = bots::create(&api, new, command.context).await?;
    let position = created.position;
    let bot = CreatedBot::new(&api, created);
    Ok(Answer::created(bot.location(), bot).at(position))
}
