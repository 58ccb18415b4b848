//! `GET /api/bot/{hostname}/config/versions`

use super::dto::VersionDto;
use crate::{
    ApiState,
    auth::Principal,
    bots,
    extract::{BotName, Query},
    openapi::responses::{BadQuery, Missing},
    problem::Problem,
    routes::page::{PageOf, PageParams},
    surround,
};
use axum::{Json, extract::State};

/// Lists the versions of a configuration, newest first
#[utoipa::path(
    get, path = "/api/bot/{hostname}/config/versions", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"), PageParams),
    responses((status = 200, description = "A page of versions", body = PageOf<VersionDto>), BadQuery, Missing),
)]
pub(crate) async fn list_versions(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
    Query(params): Query<PageParams>,
) -> Result<Json<PageOf<VersionDto>>, Problem> {
    surround::about_bot(&hostname);
    let (after, limit) = params.check()?;
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    let page = api.views.bot_configs.list(bot.tenant_id, bot.id, after, limit).await?;
    Ok(Json(PageOf::of(page, VersionDto::from)))
}
