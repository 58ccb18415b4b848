//! `GET /api/bot/{hostname}/files`

use super::dto::EntryDto;
use crate::{
    ApiState,
    auth::Principal,
    bots,
    extract::{BotName, Query},
    fields::Fields,
    openapi::responses::{BadQuery, Missing, NotThatKind},
    problem::Problem,
    surround,
};
use axum::{Json, extract::State};
use clawplane_domain::openclaw::WorkspacePath;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which folder.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FolderParams {
    /// The folder, relative to the workspace; the workspace itself when absent.
    #[param(example = "skills")]
    path: Option<String>,
}

/// What is in a folder.
#[derive(Serialize, ToSchema)]
#[schema(as = WorkspaceFolder)]
pub(crate) struct FolderDto {
    /// The folder, relative to the workspace.
    path: String,
    /// By name; at most 1000.
    #[schema(max_items = 1000)]
    entries: Vec<EntryDto>,
    /// There are more than these, or some whose names are no text.
    incomplete: bool,
}

/// Lists a folder of a bot's workspace
#[utoipa::path(
    get, path = "/api/bot/{hostname}/files", tag = "bots",
    params(("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"), FolderParams),
    responses((status = 200, description = "What is in it", body = FolderDto), BadQuery, Missing, NotThatKind),
)]
pub(crate) async fn list_files(
    State(api): State<ApiState>,
    principal: Principal,
    BotName(hostname): BotName,
    Query(params): Query<FolderParams>,
) -> Result<Json<FolderDto>, Problem> {
    surround::about_bot(&hostname);
    let mut fields = Fields::default();
    let path: Option<WorkspacePath> = fields.parse("path", params.path.as_deref().unwrap_or_default());
    let path = fields.finish(path)?;
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    let listing = api.space.list(bot.id, path.clone()).await?;
    let entries = listing.entries.into_iter().map(EntryDto::from).collect();
    Ok(Json(FolderDto { path: path.to_string(), entries, incomplete: listing.incomplete }))
}
