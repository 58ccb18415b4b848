//! `GET /api/bot/{hostname}/files/{*path}`

use crate::{
    ApiState,
    auth::Principal,
    bots,
    extract::BotFile,
    openapi::responses::{BadPath, Missing, NotThatKind},
    ports::space::Reading,
    problem::Problem,
    surround,
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

/// Ends of names of what a browser may show; as plain text, whatever is in it.
const TEXTS: &[&str] = &["md", "txt", "json", "json5", "jsonl", "yaml", "yml", "toml", "csv", "log"];

/// Reads a file of a bot's workspace
///
/// As bytes that no browser takes for anything else. Links are not followed; pipes and devices are not opened.
#[utoipa::path(
    get, path = "/api/bot/{hostname}/files/{*path}", tag = "bots",
    params(
        ("hostname" = String, Path, description = "The bot's hostname", example = "support-bot"),
        ("path" = String, Path, description = "The file, relative to the workspace", example = "memory/2026-03-01.md"),
        ("If-None-Match" = Option<String>, Header, description = "The etag that the client has; 304 when it is still that"),
    ),
    responses(
        (status = 200, description = "Its content", content_type = "application/octet-stream",
         headers(("etag" = String, description = "For `If-Match`"))),
        (status = 304, description = "It is as the client has it"),
        BadPath, Missing, NotThatKind,
    ),
)]
pub(crate) async fn read_file(
    State(api): State<ApiState>,
    principal: Principal,
    BotFile(hostname, path): BotFile,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    surround::about_bot(&hostname);
    let bot = bots::find(&api, principal.tenant, &hostname).await?;
    let reading = api.space.read(bot.id, path).await?;
    let etag = format!("\"{}\"", reading.entry.etag);
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { content(reading) };
    if let Ok(etag) = HeaderValue::try_from(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

fn content(reading: Reading) -> Response {
    let Reading { entry, content } = reading;
    let end = entry.name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    let kind = match TEXTS.contains(&end.as_str()) {
        true => "text/plain; charset=utf-8",
        false => "application/octet-stream",
    };
    // What is added to the file meanwhile is not part of what was promised.
    let body = Body::from_stream(ReaderStream::new(content.take(entry.size)));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        (header::CONTENT_LENGTH, HeaderValue::from(entry.size)),
    ];
    (headers, body).into_response()
}
