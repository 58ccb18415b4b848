//! `POST /api/backups`

use super::dto::BackupDto;
use crate::{
    ApiState,
    answer::Answer,
    backups,
    extract::Command,
    fields::Fields,
    openapi::responses::{Invalid, KeyReused, Missing},
    problem::Problem,
};
use axum::extract::State;
use clawplane_domain::{backup::Quiesce, values::Hostname};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What is to be backed up.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BackupRequest {
    /// The bot of this name.
    #[schema(example = "support-bot")]
    hostname: Option<String>,
    /// All bots of the tenant that were ever started, each with a backup of its own.
    #[serde(default)]
    all: bool,
    /// How bots are brought to rest while their folders are read: `pause` (their processes are frozen) or `stop`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "pause")]
    quiesce: Quiesce,
}

/// Backups that were asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestedBackups {
    /// What they have in common, where all were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_id: Option<Uuid>,
    /// Them.
    items: Vec<BackupDto>,
}

/// Makes backups
///
/// They are made one after the other in the background; `GET /api/backups/{id}/events` tells how far each is.
#[utoipa::path(
    post, path = "/api/backups", tag = "backups", request_body = BackupRequest,
    responses((status = 202, description = "What was asked for", body = RequestedBackups), Invalid, Missing, KeyReused),
)]
pub(crate) async fn create_backups(
    State(api): State<ApiState>,
    command: Command<BackupRequest>,
) -> Result<Answer<RequestedBackups>, Problem> {
    let Command { principal, input, context } = command;
    let requested = match input.target()? {
        Some(hostname) => backups::request_one(&api, principal, &hostname, input.quiesce, context).await?,
        None => backups::request_all(&api, principal, input.quiesce, context).await?,
    };
    let items = requested.rows.into_iter().map(BackupDto::from).collect();
    let body = RequestedBackups { batch_id: requested.batch.map(|id| id.0), items };
    Ok(Answer::accepted(body).at(requested.position))
}

impl BackupRequest {
    fn target(&self) -> Result<Option<Hostname>, Problem> {
        let mut fields = Fields::default();
        let hostname = fields.optional("hostname", self.hostname.as_deref());
        let one = self.hostname.is_some() != self.all;
        fields.require("hostname", one, "must name a bot, unless `all` is true");
        fields.finish(Some(hostname))
    }
}
