//! `PUT /api/bot/{hostname}/quota`

use super::dto::QuotaDto;
use crate::{
    ApiState,
    answer::Answer,
    bots,
    extract::{BotName, Command},
    openapi::responses::{Invalid, KeyReused, Missing},
    problem::Problem,
    surround,
};
use axum::extract::State;

/// Limits what a bot may use
///
/// The limits replace all earlier ones. A request beyond them is refused by the proxy with 429.
#[utoipa::path(
    put, path = "/api/bot/{hostname}/quota", tag = "bots", request_body = QuotaDto,
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "The limits in force", body = QuotaDto), Invalid, Missing, KeyReused),
)]
pub(crate) async fn set_quota(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Command<QuotaDto>,
) -> Result<Answer<QuotaDto>, Problem> {
    surround::about_bot(&hostname);
    let limits = command.input.into();
    let position = bots::set_quota(&api, command.principal, &hostname, limits, command.context).await?;
    Ok(Answer::ok(command.input).at(position))
}
