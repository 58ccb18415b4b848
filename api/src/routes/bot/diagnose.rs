//! `GET /api/bot/{hostname}/diagnose`

use crate::{
    ApiState,
    auth::Principal,
    bots, diagnoses,
    extract::BotName,
    openapi::responses::Missing,
    ports::machines::{Check, CheckStatus},
    problem::Problem,
    surround,
};
use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

/// What is right and wrong with a bot.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Diagnosis {
    /// The worst of all: `ok`, `warn` or `fail`.
    #[schema(value_type = String, example = "ok")]
    status: &'static str,
    /// Everything that was looked at.
    checks: Vec<CheckDto>,
}

/// One thing that was looked at.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DiagnosisCheck)]
pub(crate) struct CheckDto {
    /// `provider_key`, `model_access`, `container`, `limits`, `network`, `egress`, `gateway` or `config`.
    #[schema(value_type = String, example = "gateway")]
    name: &'static str,
    /// `ok`, `warn` or `fail`.
    #[schema(value_type = String, example = "ok")]
    status: &'static str,
    /// What was seen.
    #[schema(example = "it answers and takes the bot's token")]
    detail: String,
    /// What to do about it; absent where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// Looks for what is wrong with a bot
///
/// Provider keys for its models, what it may reach, its container with its limits, its network with the way to the proxy, its
/// gateway and its configuration; for what is wrong it says what to do. Changes nothing.
#[utoipa::path(
    get, path = "/api/bot/{hostname}/diagnose", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot")),
    responses((status = 200, description = "What was found", body = Diagnosis), Missing),
)]
pub(crate) async fn diagnose(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
) -> Result<Json<Diagnosis>, Problem> {
    surround::about_bot(&hostname);
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    let checks = diagnoses::of(&api, &bot).await?;
    let worst = checks.iter().map(|check| check.status).max().unwrap_or(CheckStatus::Ok);
    Ok(Json(Diagnosis { status: word(worst), checks: checks.into_iter().map(CheckDto::from).collect() }))
}

fn word(status: CheckStatus) -> &'static str {
    match status {
        CheckStatus::Ok => "ok",
        CheckStatus::Warn => "warn",
        CheckStatus::Fail => "fail",
    }
}

impl From<Check> for CheckDto {
    fn from(check: Check) -> Self {
        Self { name: check.name, status: word(check.status), detail: check.detail, remedy: check.remedy }
    }
}
