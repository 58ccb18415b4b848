//! `PATCH /api/tenant`

use super::dto::{TenantDto, UpdateTenantRequest};
use crate::{
    ApiState,
    answer::Answer,
    extract::Command,
    fields::Fields,
    freshness::settle,
    openapi::responses::{Invalid, KeyReused, Missing},
    problem::Problem,
};
use axum::extract::State;
use clawplane_domain::tenant::{Tenant, TenantCommand};
use clawplane_projections::{TenantRow, View};

/// Changes the tenant's time zone
#[utoipa::path(
    patch, path = "/api/tenant", tag = "tenant", request_body = UpdateTenantRequest,
    responses((status = 200, description = "The tenant", body = TenantDto), Invalid, Missing, KeyReused),
)]
pub(crate) async fn update_tenant(
    State(api): State<ApiState>,
    command: Command<UpdateTenantRequest>,
) -> Result<Answer<TenantDto>, Problem> {
    let mut fields = Fields::default();
    let zone = fields.parse("timeZone", &command.input.time_zone);
    let set = TenantCommand::SetTimeZone(fields.finish(zone)?);
    let id = command.principal.tenant;
    let committed = api.executor.execute::<Tenant>(id, set, command.context).await?;
    settle(&api, View::Bots, committed.position).await;
    let tenant = api.executor.load::<Tenant>(&id.to_string()).await?;
    let name = tenant.name.ok_or_else(|| Problem::not_found("tenant"))?;
    Ok(Answer::ok(TenantRow { id, name, time_zone: tenant.time_zone }.into()).at(committed.position))
}
