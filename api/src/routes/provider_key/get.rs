//! `GET /api/provider-key/{id}`

use super::dto::KeyDto;
use crate::{ApiState, auth::Principal, extract::KeyName, openapi::responses::Missing, problem::Problem};
use axum::{Json, extract::State};

/// Shows a provider key, without its secret
#[utoipa::path(
    get, path = "/api/provider-key/{id}", tag = "provider keys",
    params(("id" = Uuid, Path, description = "The key's id")),
    responses((status = 200, description = "The key", body = KeyDto), Missing),
)]
pub(crate) async fn get_key(
    State(api): State<ApiState>,
    principal: Principal,
    KeyName(id): KeyName,
) -> Result<Json<KeyDto>, Problem> {
    let row = api.views.keys.find(principal.tenant, id).await?;
    row.map(|row| Json(row.into())).ok_or_else(|| Problem::not_found("provider key"))
}
