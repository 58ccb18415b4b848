//! `DELETE /api/bot/{hostname}`

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

/// Deletes a bot
///
/// Its token is void and its hostname free at once; its container, network and data follow.
#[utoipa::path(
    delete, path = "/api/bot/{hostname}", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 204, description = "The bot is deleted"), BadKey, Missing, KeyReused),
)]
pub(crate) async fn delete_bot(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Bare,
) -> Result<Answer<()>, Problem> {
    surround::about_bot(&hostname);
    let position = bots::delete(&api, command.principal, &hostname, command.context).await?;
    Ok(Answer::nothing().at(position))
}
