//! What is done to the rules by which backups are made.

use crate::{ApiState, auth::Principal, freshness::settle, problem::Problem};
use clawplane_domain::{
    ScheduleId, TenantId,
    backup_schedule::{ActiveSchedule, BackupSchedule, Rule, ScheduleCommand},
};
use clawplane_eventstore::{Context, Position};
use clawplane_projections::View;

/// Adds a rule. A repeated command with the same idempotency key is answered with what the first one added.
pub(crate) async fn add(
    api: &ApiState,
    principal: Principal,
    rule: Rule,
    context: Context,
) -> Result<(ActiveSchedule, Option<Position>), Problem> {
    let (id, tenant_id, at) = (ScheduleId(api.ids.uuid()), principal.tenant, context.metadata.at);
    let command = ScheduleCommand::Set { id, tenant_id, rule, at };
    let committed = api.executor.execute::<BackupSchedule>(id, command, context).await?;
    settle(api, View::Backups, committed.position).await;
    let id = committed.aggregate_id.parse().map_err(Problem::internal)?;
    Ok((stream(api, tenant_id, id).await?, committed.position))
}

/// Changes a rule, and shows it as it is after that.
pub(crate) async fn change(
    api: &ApiState,
    principal: Principal,
    id: ScheduleId,
    rule: Rule,
    context: Context,
) -> Result<(ActiveSchedule, Option<Position>), Problem> {
    stream(api, principal.tenant, id).await?;
    let command = ScheduleCommand::Change { rule, at: context.metadata.at };
    let committed = api.executor.execute::<BackupSchedule>(id, command, context).await?;
    settle(api, View::Backups, committed.position).await;
    Ok((stream(api, principal.tenant, id).await?, committed.position))
}

/// Removes a rule; its backups stay.
pub(crate) async fn remove(
    api: &ApiState,
    principal: Principal,
    id: ScheduleId,
    context: Context,
) -> Result<Option<Position>, Problem> {
    stream(api, principal.tenant, id).await?;
    let committed = api.executor.execute::<BackupSchedule>(id, ScheduleCommand::Remove, context).await?;
    settle(api, View::Backups, committed.position).await;
    Ok(committed.position)
}

/// The tenant's rule, straight from the events.
async fn stream(api: &ApiState, tenant: TenantId, id: ScheduleId) -> Result<ActiveSchedule, Problem> {
    let rule = api.executor.load::<BackupSchedule>(&id.to_string()).await?.active;
    rule.filter(|rule| rule.tenant_id == tenant).ok_or_else(|| Problem::not_found("backup schedule"))
}
