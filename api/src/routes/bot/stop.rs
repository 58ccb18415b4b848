//! `POST /api/bot/{hostname}/stop`

use super::dto::BotDto;
use crate::{
    ApiState,
    answer::Answer,
    bots,
    extract::{Bare, BotName},
    openapi::responses::{BadKey, KeyReused, Missing},
    problem::Problem,
    surround,
};
use axum::extract::State;

/// Stops a bot
///
/// The answer comes at once; `state` becomes `stopped` when the container has ended. Its data stay.
#[utoipa::path(
    post, path = "/api/bot/{hostname}/stop", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 202, description = "The bot shall not run", body = BotDto), BadKey, Missing, KeyReused),
)]
pub(crate) async fn stop_bot(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Bare,
) -> Result<Answer<BotDto>, Problem> {
    surround::about_bot(&hostname);
    let (row, position) = bots::stop(&api, command.principal, &hostname, command.context).await?;
    Ok(Answer::accepted(BotDto::new(&api, row)).at(position))
}
