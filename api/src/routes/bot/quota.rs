//! `GET`, `PUT` and `DELETE /api/bot/{hostname}/quota`

use crate::{
    ApiState,
    answer::Answer,
    auth::Principal,
    bots,
    extract::{Bare, BotName, Command},
    openapi::responses::{BadKey, Invalid, KeyReused, Missing},
    problem::Problem,
    quotas::{self, QuotaDto, QuotaStatus},
    surround,
};
use axum::{Json, extract::State};
use clawplane_domain::quota::QuotaSubject;

/// Shows a bot's limits, and how much of them is used
#[utoipa::path(
    get, path = "/api/bot/{hostname}/quota", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "The limits and what is used of them", body = QuotaStatus), Missing),
)]
pub(crate) async fn get_quota(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
) -> Result<Json<QuotaStatus>, Problem> {
    surround::about_bot(&hostname);
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    Ok(Json(quotas::status(&api, QuotaSubject::bot(principal.tenant, bot.id)).await?))
}

/// Limits what a bot may use
///
/// The limits replace all earlier ones. A request beyond them is refused by the proxy with 429: beyond a day's or a
/// month's as `insufficient_quota`, which clients do not try again, beyond a rate as `rate_limit_error`.
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
    let subject = bots::quota_of(&api, command.principal.tenant, &hostname).await?;
    let position = quotas::set(&api, subject, command.input.into(), command.context).await?;
    Ok(Answer::ok(command.input).at(position))
}

/// Limits a bot no longer
#[utoipa::path(
    delete, path = "/api/bot/{hostname}/quota", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 204, description = "Nothing is limited"), BadKey, Missing, KeyReused),
)]
pub(crate) async fn clear_quota(
    State(api): State<ApiState>,
    BotName(hostname): BotName,
    command: Bare,
) -> Result<Answer<()>, Problem> {
    surround::about_bot(&hostname);
    let subject = bots::quota_of(&api, command.principal.tenant, &hostname).await?;
    let position = quotas::clear(&api, subject, command.context).await?;
    Ok(Answer::nothing().at(position))
}
