//! `POST /api/bot/{hostname}/token/revoke`

use crate::{
    ApiState,
    answer::Answer,
    bots::tokens,
    extract::{Bare, BotName},
    openapi::responses::{BadKey, KeyReused, Missing},
    problem::Problem,
    surround,
};
use axum::extract::State;

/// Revokes a bot's gateway tokens
///
/// Every token of the bot is void within a second, the ones in their grace time included, and its own port is closed. It
/// stays so until its token is rotated, or it is stopped and started: both give it a new one.
#[utoipa::path(
    post, path = "/api/bot/{hostname}/token/revoke", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 204, description = "The bot has no valid token"), BadKey, Missing, KeyReused),
)]
pub(crate) async fn revoke_tokens(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Bare,
) -> Result<Answer<()>, Problem> {
    surround::about_bot(&hostname);
    let position = tokens::revoke(&api, command.principal, &hostname, command.context).await?;
    Ok(Answer::nothing().at(position))
}
