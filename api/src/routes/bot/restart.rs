//! `POST /api/bot/{hostname}/restart`

use super::dto::BotDto;
use crate::{
    ApiState,
    answer::Answer,
    bots::life,
    extract::{Bare, BotName},
    openapi::responses::{BadKey, KeyReused, Missing, Revoked},
    problem::Problem,
    surround,
};
use axum::extract::State;

/// Restarts a bot
///
/// Its process ends and another one begins, in a new container with the same data; one that is stopped starts. The answer
/// comes at once. A repetition with the same `Idempotency-Key` restarts nothing again.
#[utoipa::path(
    post, path = "/api/bot/{hostname}/restart", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 202, description = "The bot begins anew", body = BotDto), BadKey, Missing, Revoked, KeyReused),
)]
pub(crate) async fn restart_bot(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Bare,
) -> Result<Answer<BotDto>, Problem> {
    surround::about_bot(&hostname);
    let (row, position) = life::restart(&api, command.principal, &hostname, command.context).await?;
    Ok(Answer::accepted(BotDto::new(&api, row)).at(position))
}
