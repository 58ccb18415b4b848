//! `GET /api/bot/{hostname}/config/versions/{version}/diff/{other}`

use crate::{
    ApiState, auth::Principal, bot_configs, bots, extract::BotVersions, openapi::responses::Missing,
    problem::Problem, surround,
};
use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

/// What separates two texts.
#[derive(Serialize, ToSchema)]
#[schema(as = ConfigDiff)]
pub(crate) struct DiffDto {
    /// A unified diff; empty when they are the same.
    #[schema(example = "--- version 1\n+++ version 2\n@@ -1 +1 @@\n-{ a: 1 }\n+{ a: 2 }\n")]
    pub(super) diff: String,
}

/// Shows what separates two versions of a configuration
#[utoipa::path(
    get, path = "/api/bot/{hostname}/config/versions/{version}/diff/{other}", tag = "bots",
    params(
        ("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"),
        ("version" = u64, Path, description = "The version that is compared", example = 2),
        ("other" = u64, Path, description = "The version that it is compared with", example = 3),
    ),
    responses((status = 200, description = "The difference", body = DiffDto), Missing),
)]
pub(crate) async fn diff_config(
    State(api): State<ApiState>,
    principal: Principal,
    BotVersions(hostname, one, other): BotVersions,
) -> Result<Json<DiffDto>, Problem> {
    surround::about_bot(&hostname);
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    let (_, before) = bot_configs::version(&api, &bot, one).await?;
    let (_, after) = bot_configs::version(&api, &bot, other).await?;
    let names = (format!("version {one}"), format!("version {other}"));
    Ok(Json(DiffDto { diff: bot_configs::diff((&names.0, &before), (&names.1, &after)) }))
}
