//! `GET /api/tenant`

use super::dto::TenantDto;
use crate::{ApiState, auth::Principal, openapi::responses::Missing, problem::Problem};
use axum::{Json, extract::State};

/// Shows the tenant
#[utoipa::path(
    get, path = "/api/tenant", tag = "tenant",
    responses((status = 200, description = "The tenant", body = TenantDto), Missing),
)]
pub(crate) async fn get_tenant(
    State(api): State<ApiState>,
    principal: Principal,
) -> Result<Json<TenantDto>, Problem> {
    let row = api.views.bots.tenant(principal.tenant).await?;
    row.map(|row| Json(row.into())).ok_or_else(|| Problem::not_found("tenant"))
}
