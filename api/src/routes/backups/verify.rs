//! `POST /api/backups/{id}/verify`

use super::dto::BackupDto;
use crate::{
    ApiState,
    answer::Answer,
    backups,
    extract::{BackupName, Bare},
    openapi::responses::{BadKey, InTheWay, KeyReused, Missing},
    problem::Problem,
};
use axum::extract::State;

/// Checks whether a backup is good
///
/// It is read to its end and decrypted, and every file is compared with the manifest. What came of it stands in
/// `verified` after that.
#[utoipa::path(
    post, path = "/api/backups/{id}/verify", tag = "backups",
    params(("id" = Uuid, Path, description = "The backup's id")),
    responses((status = 202, description = "The backup", body = BackupDto), BadKey, Missing, InTheWay, KeyReused),
)]
pub(crate) async fn verify_backup(
    State(api): State<ApiState>,
    BackupName(id): BackupName,
    command: Bare,
) -> Result<Answer<BackupDto>, Problem> {
    let (row, position) = backups::verify(&api, command.principal, id, command.context).await?;
    Ok(Answer::accepted(row.into()).at(position))
}
