//! `POST /api/bot/{hostname}/start`

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

/// Starts a bot
///
/// The answer comes at once; `state` becomes `running` when the container is healthy. Where no container engine can
/// be had the answer is 503 with the reason.
#[utoipa::path(
    post, path = "/api/bot/{hostname}/start", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 202, description = "The bot shall run", body = BotDto), BadKey, Missing, KeyReused),
)]
pub(crate) async fn start_bot(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Bare,
) -> Result<Answer<BotDto>, Problem> {
    surround::about_bot(&hostname);
    let (row, position) = bots::start(&api, command.principal, &hostname, command.context).await?;
    Ok(Answer::accepted(BotDto::new(&api, row)).at(position))
}
