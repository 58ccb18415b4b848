//! `POST /api/bot/{hostname}/init`

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

/// Sets a bot up anew
///
/// What the platform says in its configuration is written anew, files of its workspace that are missing come back, and its
/// process begins anew, or does so with the next start. What people wrote into its workspace stays.
#[utoipa::path(
    post, path = "/api/bot/{hostname}/init", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 202, description = "The bot is set up anew", body = BotDto), BadKey, Missing, Revoked, KeyReused),
)]
pub(crate) async fn init_bot(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Bare,
) -> Result<Answer<BotDto>, Problem> {
    surround::about_bot(&hostname);
    let (row, position) = life::init(&api, command.principal, &hostname, command.context).await?;
    Ok(Answer::accepted(BotDto::new(&api, row)).at(position))
}
