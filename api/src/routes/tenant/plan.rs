//! `GET /api/tenant/plan`, `GET|PUT /api/tenant/{id}/plan`

use crate::{
    ApiState,
    answer::Answer,
    auth::Principal,
    extract::{Command, TenantName},
    fields::Fields,
    freshness::settle,
    openapi::responses::{Invalid, KeyReused, Missing},
    plans,
    problem::Problem,
};
use axum::{Json, extract::State};
use clawplane_domain::{
    TenantId,
    tenant::{Plan, Share, Tenant, TenantCommand},
};
use clawplane_projections::View;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most that may be asked for of anything; beyond it numbers mean nothing.
const MOST: u64 = 1 << 50;

/// What a tenant's bots may use.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Plan)]
pub(crate) struct PlanDto {
    /// Bots.
    #[schema(example = 10)]
    bots: u32,
    /// The most that one bot may have.
    each: ShareDto,
    /// The most that all bots may have together, whether they run or not.
    all: ShareDto,
    /// Bots may have a root file system that can be written, for images that cannot do otherwise.
    #[serde(default)]
    writable_root: bool,
}

/// Resources of containers.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Share)]
pub(crate) struct ShareDto {
    /// Memory, in MiB.
    #[schema(example = 8192)]
    memory_mib: u64,
    /// CPU time, in thousandths of a core.
    #[schema(example = 4000)]
    cpu_millis: u64,
    /// Processes and threads.
    #[schema(example = 4096)]
    pids: u64,
    /// Disk, in MiB.
    #[schema(example = 102_400)]
    disk_mib: u64,
}

/// A tenant's plan, and what its bots have of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlanInUse)]
pub(crate) struct PlanInUseDto {
    /// The plan.
    plan: PlanDto,
    /// How many bots there are.
    #[schema(example = 3)]
    bots: usize,
    /// What they have together.
    used: ShareDto,
}

/// Shows the tenant's plan
#[utoipa::path(
    get, path = "/api/tenant/plan", tag = "tenant",
    responses((status = 200, description = "The plan, and what is used of it", body = PlanInUseDto), Missing),
)]
pub(crate) async fn get_own_plan(
    State(api): State<ApiState>,
    principal: Principal,
) -> Result<Json<PlanInUseDto>, Problem> {
    in_use(&api, principal.tenant).await.map(Json)
}

/// Shows any tenant's plan
#[utoipa::path(
    get, path = "/api/tenant/{id}/plan", tag = "tenant",
    params(("id" = uuid::Uuid, Path, description = "The tenant's id")),
    responses((status = 200, description = "The plan, and what is used of it", body = PlanInUseDto), Missing),
)]
pub(crate) async fn get_plan(
    State(api): State<ApiState>,
    TenantName(id): TenantName,
) -> Result<Json<PlanInUseDto>, Problem> {
    in_use(&api, id).await.map(Json)
}

/// Sets a tenant's plan
///
/// It bounds what is asked for from now on: bots that run go on, and one that is beyond its plan cannot be started again.
#[utoipa::path(
    put, path = "/api/tenant/{id}/plan", tag = "tenant", request_body = PlanDto,
    params(("id" = uuid::Uuid, Path, description = "The tenant's id")),
    responses(
        (status = 200, description = "The plan, and what is used of it", body = PlanInUseDto), Invalid, Missing, KeyReused,
    ),
)]
pub(crate) async fn set_plan(
    State(api): State<ApiState>,
    TenantName(id): TenantName,
    command: Command<PlanDto>,
) -> Result<Answer<PlanInUseDto>, Problem> {
    let set = TenantCommand::SetPlan(Box::new(command.input.check()?));
    let committed = api.executor.execute::<Tenant>(id, set, command.context).await?;
    settle(&api, View::Bots, committed.position).await;
    Ok(Answer::ok(in_use(&api, id).await?).at(committed.position))
}

async fn in_use(api: &ApiState, tenant: TenantId) -> Result<PlanInUseDto, Problem> {
    let plan = plans::plan_of(api, tenant).await?;
    let limits = api.views.bots.limits(tenant, None).await?;
    let used = limits.iter().fold(Share::default(), |sum, one| sum.plus((*one).into()));
    Ok(PlanInUseDto { plan: plan.into(), bots: limits.len(), used: used.into() })
}

impl PlanDto {
    fn check(&self) -> Result<Plan, Problem> {
        let mut fields = Fields::default();
        for (name, share) in [("each", self.each), ("all", self.all)] {
            let parts = [
                ("memoryMib", share.memory_mib),
                ("cpuMillis", share.cpu_millis),
                ("pids", share.pids),
                ("diskMib", share.disk_mib),
            ];
            for (part, value) in parts {
                fields.require(&format!("{name}.{part}"), value <= MOST, &format!("must be at most {MOST}"));
            }
        }
        let (each, all) = (self.each.into(), self.all.into());
        fields.finish(Some(Plan { bots: self.bots, each, all, writable_root: self.writable_root }))
    }
}

impl From<Plan> for PlanDto {
    fn from(plan: Plan) -> Self {
        let (each, all) = (plan.each.into(), plan.all.into());
        Self { bots: plan.bots, each, all, writable_root: plan.writable_root }
    }
}

impl From<Share> for ShareDto {
    fn from(share: Share) -> Self {
        let Share { memory_mib, cpu_millis, pids, disk_mib } = share;
        Self { memory_mib, cpu_millis, pids, disk_mib }
    }
}

impl From<ShareDto> for Share {
    fn from(share: ShareDto) -> Self {
        let ShareDto { memory_mib, cpu_millis, pids, disk_mib } = share;
        Self { memory_mib, cpu_millis, pids, disk_mib }
    }
}
