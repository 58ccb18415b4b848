//! `PUT /api/bot/{hostname}/files/{*path}`

use super::dto::{EntryDto, expected};
use crate::{
    ApiState,
    answer::Answer,
    bot_files::{self, Change},
    extract::{BotFile, Raw},
    openapi::responses::{BadPath, FileTooLarge, KeyReused, Missing, NotThatKind, Stale},
    problem::Problem,
    surround,
};
use axum::{extract::State, http::HeaderMap};

/// Writes a file of a bot's workspace
///
/// Whole and at once; missing folders are made. The body is its content, at most 1 MiB. With `If-Match` it is written only
/// if it is still the one that the client has seen, with `If-None-Match: *` only if it is not there.
#[utoipa::path(
    put, path = "/api/bot/{hostname}/files/{*path}", tag = "bots",
    request_body(content = String, content_type = "application/octet-stream", description = "Its content"),
    params(
        ("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"),
        ("path" = String, Path, description = "The file, relative to the workspace", example = "SOUL.md"),
        ("If-Match" = Option<String>, Header, description = "The etag that it must have"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: it must not be there"),
    ),
    responses(
        (status = 200, description = "It was replaced", body = EntryDto),
        (status = 201, description = "It was made", body = EntryDto),
        BadPath, FileTooLarge, Missing, NotThatKind, Stale, KeyReused,
    ),
)]
pub(crate) async fn write_file(
    State(api): State<ApiState>,
    BotFile(hostname, path): BotFile,
    headers: HeaderMap,
    Raw(command): Raw,
) -> Result<Answer<EntryDto>, Problem> {
    surround::about_bot(&hostname);
    let location = format!("/api/bot/{hostname}/files/{path}");
    let change = Change { path, expected: expected(&headers)?, context: command.context };
    let content = command.input;
    let (entry, made, position) =
        bot_files::write(&api, command.principal, &hostname, change, content).await?;
    let etag = entry.etag.clone();
    let entry = EntryDto::from(entry);
    let answer = if made { Answer::created(location, entry) } else { Answer::ok(entry) };
    Ok(answer.at(position).etag(etag))
}
