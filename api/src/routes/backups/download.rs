//! `GET /api/backups/{id}/download`

use crate::{
    ApiState, backups,
    extract::{BackupName, Bare, Query},
    fields::Fields,
    openapi::responses::{BadQuery, InTheWay, Missing},
    problem::Problem,
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use clawplane_domain::backup::{BackupProfile, Form};
use serde::Deserialize;
use std::time::Duration;
use utoipa::IntoParams;

/// In which form.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DownloadParams {
    /// `plain`: the archive, to be opened anywhere with `tar --zstd`. `sealed`: as the store has it, encrypted.
    #[param(example = "plain", default = "plain")]
    form: Option<String>,
}

/// Downloads a backup
///
/// The archive (tar, compressed with zstd) has the bot's files under `bot/` and a manifest with their checksums as its
/// last entry. No gateway token is in it. An archive that is not genuine ends the connection before its end. Every
/// download is in the audit log.
#[utoipa::path(
    get, path = "/api/backups/{id}/download", tag = "backups",
    params(("id" = Uuid, Path, description = "The backup's id"), DownloadParams),
    responses(
        (status = 200, description = "The archive", content_type = "application/zstd", body = Vec<u8>),
        BadQuery, Missing, InTheWay,
    ),
)]
pub(crate) async fn download_backup(
    State(api): State<ApiState>,
    BackupName(id): BackupName,
    Query(params): Query<DownloadParams>,
    command: Bare,
) -> Result<Response, Problem> {
    let form = params.check()?;
    let backup = backups::note_download(&api, command.principal, id, form, command.context).await?;
    let archive = api.archives.open(&backup, form).await;
    let archive = archive.map_err(|why| {
        Problem::unavailable(format!("the backup cannot be read now: {why}"), Duration::from_secs(30))
    })?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type(form))),
        (header::CONTENT_LENGTH, HeaderValue::from(archive.size)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_DISPOSITION, disposition(&backup, form)),
    ];
    Ok((headers, Body::from_stream(archive.stream)).into_response())
}

impl DownloadParams {
    fn check(&self) -> Result<Form, Problem> {
        let mut fields = Fields::default();
        let form = match self.form.as_deref() {
            None | Some("plain") => Some(Form::Plain),
            Some("sealed") => Some(Form::Sealed),
            Some(_) => None,
        };
        fields.require("form", form.is_some(), "must be `plain` or `sealed`");
        fields.finish(form)
    }
}

fn media_type(form: Form) -> &'static str {
    match form {
        Form::Plain => "application/zstd",
        Form::Sealed => "application/octet-stream",
    }
}

/// A hostname is made of letters, digits and hyphens: nothing to escape.
fn disposition(backup: &BackupProfile, form: Form) -> HeaderValue {
    let end = match form {
        Form::Plain => "tar.zst",
        Form::Sealed => "cpbk",
    };
    let request = &backup.request;
    let text = format!("attachment; filename=\"{}-{}.{end}\"", request.hostname, request.id);
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
}
