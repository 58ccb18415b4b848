//! `GET /api/bot/{hostname}/config/versions/{version}`

use super::dto::VersionDto;
use crate::{
    ApiState, auth::Principal, bot_configs, bots, extract::BotVersion, openapi::responses::Missing,
    problem::Problem, surround,
};
use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

/// A version of a configuration with its text.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConfigVersionText)]
pub(crate) struct VersionTextDto {
    /// The version.
    #[schema(example = 2)]
    version: u64,
    /// `openclaw.json` as it was saved.
    text: String,
    /// What is known of it; absent for version 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<VersionDto>,
}

/// Shows a version of a configuration
#[utoipa::path(
    get, path = "/api/bot/{hostname}/config/versions/{version}", tag = "bots",
    params(
        ("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"),
        ("version" = u64, Path, description = "The version", example = 2),
    ),
    responses((status = 200, description = "The version", body = VersionTextDto), Missing),
)]
pub(crate) async fn get_version(
    State(api): State<ApiState>,
    principal: Principal,
    BotVersion(hostname, version): BotVersion,
) -> Result<Json<VersionTextDto>, Problem> {
    surround::about_bot(&hostname);
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    let (about, text) = bot_configs::version(&api, &bot, version).await?;
    Ok(Json(VersionTextDto { version, text, saved: about.map(VersionDto::from) }))
}
