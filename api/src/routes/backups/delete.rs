//! `DELETE /api/backups/{id}`

use crate::{
    ApiState,
    answer::Answer,
    backups,
    extract::{BackupName, Bare},
    openapi::responses::{BadKey, InTheWay, KeyReused, Missing},
    problem::Problem,
};
use axum::extract::State;

/// Deletes a backup
///
/// Its key is destroyed at once: what is left of it anywhere is noise. One that is being made is broken off.
#[utoipa::path(
    delete, path = "/api/backups/{id}", tag = "backups",
    params(("id" = Uuid, Path, description = "The backup's id")),
    responses((status = 204, description = "The backup is deleted"), BadKey, Missing, InTheWay, KeyReused),
)]
pub(crate) async fn delete_backup(
    State(api): State<ApiState>,
    BackupName(id): BackupName,
    command: Bare,
) -> Result<Answer<()>, Problem> {
    let position = backups::delete(&api, command.principal, id, command.context).await?;
    Ok(Answer::nothing().at(position))
}
