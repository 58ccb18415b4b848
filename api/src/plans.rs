//! Whether a tenant's plan has room for what is asked for.
//!
//! What the tenant's bots have comes from the read model, so whoever asks for more waits for who asked before until the
//! read model has that. Several processes of the API together can pass a plan by what is under way in the others.

use crate::{
    ApiState,
    problem::{Kind, Problem},
};
use clawplane_domain::{
    BotId, TenantId,
    bot::Limits,
    tenant::{OverPlan, Plan, Tenant},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::sync::OwnedMutexGuard;

/// Lets one in at a time for each tenant.
#[derive(Debug, Default)]
pub(crate) struct PlanGate(Mutex<HashMap<TenantId, Weak<tokio::sync::Mutex<()>>>>);

/// Held until the read model has what was asked for.
#[must_use]
pub(crate) struct Room(#[expect(dead_code, reason = "it is held, not read")] OwnedMutexGuard<()>);

impl PlanGate {
    async fn enter(&self, tenant: TenantId) -> Room {
        let lock = {
            let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            gates.retain(|_, gate| gate.strong_count() > 0);
            let known = gates.get(&tenant).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let lock = Arc::default();
                gates.insert(tenant, Arc::downgrade(&lock));
                lock
            })
        };
        Room(lock.lock_owned().await)
    }
}

/// The plan of a tenant, straight from its events.
pub(crate) async fn plan_of(api: &ApiState, tenant: TenantId) -> Result<Plan, Problem> {
    let tenant = api.executor.load::<Tenant>(&tenant.to_string()).await?;
    tenant.name.is_some().then_some(tenant.plan).ok_or_else(|| Problem::not_found("tenant"))
}

/// Room for a bot with these limits beside the tenant's others; `instead` is the bot that has them from now on.
pub(crate) async fn room(
    api: &ApiState,
    tenant: TenantId,
    limits: Limits,
    instead: Option<BotId>,
) -> Result<Room, Problem> {
    let room = api.plans.enter(tenant).await;
    let plan = plan_of(api, tenant).await?;
    let others = api.views.bots.limits(tenant, instead).await?;
    plan.has_room(limits, &others).map_err(problem)?;
    Ok(room)
}

/// Whether a bot's limits are within its tenant's plan.
pub(crate) async fn fits(api: &ApiState, tenant: TenantId, limits: Limits) -> Result<(), Problem> {
    plan_of(api, tenant).await?.fits(limits).map_err(problem)
}

fn problem(over: OverPlan) -> Problem {
    match over.field() {
        None => Problem::new(Kind::Forbidden, over.to_string()),
        Some(field) => {
            let field = format!("limits.{field}");
            Problem::new(Kind::Forbidden, format!("`{field}` {over}")).about(field, over.to_string())
        }
    }
}
