//! `GET`, `PUT` and `DELETE /api/tenant/quota`

use crate::{
    ApiState,
    answer::Answer,
    auth::Principal,
    extract::{Bare, Command},
    openapi::responses::{BadKey, Invalid, KeyReused},
    problem::Problem,
    quotas::{self, QuotaDto, QuotaStatus},
};
use axum::{Json, extract::State};
use clawplane_domain::quota::QuotaSubject;

/// Shows the tenant's limits, and how much of them is used
#[utoipa::path(
    get, path = "/api/tenant/quota", tag = "tenant",
    responses((status = 200, description = "The limits and what is used of them", body = QuotaStatus)),
)]
pub(crate) async fn get_tenant_quota(
    State(api): State<ApiState>,
    principal: Principal,
) -> Result<Json<QuotaStatus>, Problem> {
    Ok(Json(quotas::status(&api, QuotaSubject::tenant(principal.tenant)).await?))
}

/// Limits what all bots of the tenant may use together
///
/// The limits replace all earlier ones. A bot has to keep to its own limits as well.
#[utoipa::path(
    put, path = "/api/tenant/quota", tag = "tenant", request_body = QuotaDto,
    responses((status = 200, description = "The limits in force", body = QuotaDto), Invalid, KeyReused),
)]
pub(crate) async fn set_tenant_quota(
    State(api): State<ApiState>,
    command: Command<QuotaDto>,
) -> Result<Answer<QuotaDto>, Problem> {
    let subject = QuotaSubject::tenant(command.principal.tenant);
    let position = quotas::set(&api, subject, command.input.into(), command.context).await?;
    Ok(Answer::ok(command.input).at(position))
}

/// Limits the tenant no longer
#[utoipa::path(
    delete, path = "/api/tenant/quota", tag = "tenant",
    responses((status = 204, description = "Nothing is limited"), BadKey, KeyReused),
)]
pub(crate) async fn clear_tenant_quota(
    State(api): State<ApiState>,
    command: Bare,
) -> Result<Answer<()>, Problem> {
    let subject = QuotaSubject::tenant(command.principal.tenant);
    let position = quotas::clear(&api, subject, command.context).await?;
    Ok(Answer::nothing().at(position))
}
