//! `GET /api/backups/{id}`

use super::dto::BackupDto;
use crate::{
    ApiState, auth::Principal, backups, extract::BackupName, openapi::responses::Missing, problem::Problem,
};
use axum::{Json, extract::State};

/// Shows a backup
#[utoipa::path(
    get, path = "/api/backups/{id}", tag = "backups",
    params(("id" = Uuid, Path, description = "The backup's id")),
    responses((status = 200, description = "The backup", body = BackupDto), Missing),
)]
pub(crate) async fn get_backup(
    State(api): State<ApiState>,
    principal: Principal,
    BackupName(id): BackupName,
) -> Result<Json<BackupDto>, Problem> {
    Ok(Json(backups::find(&api, principal.tenant, id).await?.into()))
}
