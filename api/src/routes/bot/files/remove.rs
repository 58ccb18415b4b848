//! `DELETE /api/bot/{hostname}/files/{*path}`

use super::dto::expected;
use crate::{
    ApiState,
    answer::Answer,
    bot_files::{self, Change},
    extract::{Bare, BotFile},
    openapi::responses::{BadPath, KeyReused, Missing, NotThatKind, Stale},
    problem::Problem,
    surround,
};
use axum::{extract::State, http::HeaderMap};

/// Removes a file of a bot's workspace
///
/// Folders stay. A link is removed, and not what it leads to.
#[utoipa::path(
    delete, path = "/api/bot/{hostname}/files/{*path}", tag = "bots",
    params(
        ("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"),
        ("path" = String, Path, description = "The file, relative to the workspace", example = "BOOTSTRAP.md"),
        ("If-Match" = Option<String>, Header, description = "The etag that it must have"),
    ),
    responses((status = 204, description = "It is gone"), BadPath, Missing, NotThatKind, Stale, KeyReused),
)]
pub(crate) async fn remove_file(
    State(api): State<ApiState>,
    BotFile(hostname, path): BotFile,
    headers: HeaderMap,
    command: Bare,
) -> Result<Answer<()>, Problem> {
    surround::about_bot(&hostname);
    let change = Change { path, expected: expected(&headers)?, context: command.context };
    let position = bot_files::remove(&api, command.principal, &hostname, change).await?;
    Ok(Answer::nothing().at(position))
}
