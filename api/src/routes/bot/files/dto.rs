//! Files as clients see them, and what they say of them in headers.

use crate::{
    ports::space::{Entry, EntryKind, Expected},
    problem::Problem,
};
use axum::http::{HeaderMap, header};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// Most etags of one header.
const MOST_ETAGS: usize = 16;

/// Something in a workspace.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WorkspaceEntry)]
pub(crate) struct EntryDto {
    /// Its name in its folder.
    #[schema(example = "SOUL.md")]
    name: String,
    /// What it is.
    kind: KindDto,
    /// Bytes of a file; absent for all else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 812)]
    size: Option<u64>,
    /// When it was changed last.
    modified: DateTime<Utc>,
    /// Of a file: what `If-Match` takes, without its quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
}

/// What something in a workspace is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WorkspaceEntryKind)]
pub(crate) enum KindDto {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, which is never followed.
    Link,
    /// A pipe, a socket, a device.
    Other,
}

impl From<Entry> for EntryDto {
    fn from(entry: Entry) -> Self {
        let file = entry.kind == EntryKind::File;
        let kind = match entry.kind {
            EntryKind::File => KindDto::File,
            EntryKind::Folder => KindDto::Folder,
            EntryKind::Link => KindDto::Link,
            EntryKind::Other => KindDto::Other,
        };
        Self {
            name: entry.name,
            kind,
            size: file.then_some(entry.size),
            modified: entry.modified,
            etag: file.then_some(entry.etag),
        }
    }
}

/// From `If-Match` and `If-None-Match: *`.
pub(super) fn expected(headers: &HeaderMap) -> Result<Expected, Problem> {
    if let Some(none) = headers.get(header::IF_NONE_MATCH) {
        return match none.as_bytes() {
            b"*" if !headers.contains_key(header::IF_MATCH) => Ok(Expected::Nothing),
            _ => Err(Problem::field("If-None-Match", "must be `*`, and not together with `If-Match`")),
        };
    }
    let Some(header) = headers.get(header::IF_MATCH) else { return Ok(Expected::Anything) };
    let text = header.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(Expected::Etag(Vec::new()));
    }
    let unquoted = |etag: &str| Some(etag.trim().strip_prefix('"')?.strip_suffix('"')?.to_owned());
    let etags: Option<Vec<_>> = text.split(',').take(MOST_ETAGS).map(unquoted).collect();
    let etags = etags.filter(|etags| !etags.is_empty());
    etags.map(Expected::Etag).ok_or_else(|| Problem::field("If-Match", "must be etags in quotes, or `*`"))
}
