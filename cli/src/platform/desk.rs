//! The desk where proxies lease slices of quotas and say which thresholds are reached, over the event store.

use async_trait::async_trait;
use clawplane_domain::{
    Actor, Metadata, TenantId, Timestamp,
    clock::Clock,
    quota::{Quota, QuotaCommand, QuotaLimits, QuotaSubject, Reached},
    quota_lease::{Ask, LeaseCommand, QuotaLease, Standing},
};
use clawplane_eventstore::Executor;
use clawplane_proxy::ports::{BoxError, Granted, LeaseAsk, LeaseReturn, QuotaDesk};
use std::sync::Arc;

/// As the metadata of its events names it.
const ROLE: &str = "proxy";

/// Executes the proxies' commands. The limits are those of the quota's own events, whatever a proxy has heard of them.
pub(super) struct Desk {
    executor: Executor,
    clock: Arc<dyn Clock>,
}

impl Desk {
    pub(super) fn new(executor: Executor, clock: Arc<dyn Clock>) -> Self {
        Self { executor, clock }
    }

    async fn limits(&self, subject: &QuotaSubject) -> Result<QuotaLimits, BoxError> {
        Ok(self.executor.load::<Quota>(&subject.stream()).await?.limits.unwrap_or_default())
    }
}

fn metadata(tenant_id: TenantId, at: Timestamp) -> Metadata {
    Metadata { tenant_id, actor: Actor::system(ROLE), at, request_id: None, causation: None }
}

#[async_trait]
impl QuotaDesk for Desk {
    async fn lease(&self, ask: LeaseAsk) -> Result<Vec<Granted>, BoxError> {
        let LeaseAsk { subject, holder, day, at, asks } = ask;
        let limits = self.limits(&subject).await?;
        let in_force = asks.into_iter().filter_map(|ask| Some(Ask { of: ask.limit.of(&limits)?, ..ask }));
        let asks: Vec<_> = in_force.collect();
        if asks.is_empty() {
            return Ok(Vec::new());
        }
        let stream = QuotaLease::stream(&subject, day);
        let renew = LeaseCommand::Renew { subject, holder: holder.clone(), at, asks: asks.clone() };
        self.executor.execute::<QuotaLease>(&stream, renew, metadata(subject.tenant_id, at)).await?;
        // Others may have leased meanwhile: the newest state is as good as that of the command, or better.
        let lease = self.executor.load::<QuotaLease>(&stream).await?;
        let granted = |ask: Ask| {
            let Standing { ceiling, spent, others } = lease.standing(ask.limit, &holder, at);
            Granted { limit: ask.limit, of: ask.of, ceiling, spent, others }
        };
        Ok(asks.into_iter().map(granted).collect())
    }

    async fn give_back(&self, back: LeaseReturn) -> Result<(), BoxError> {
        let LeaseReturn { subject, holder, day, at, used } = back;
        let command = LeaseCommand::Return { subject, holder, used };
        let stream = QuotaLease::stream(&subject, day);
        self.executor.execute::<QuotaLease>(&stream, command, metadata(subject.tenant_id, at)).await?;
        Ok(())
    }

    async fn reached(&self, subject: QuotaSubject, reached: Reached) -> Result<(), BoxError> {
        let command = QuotaCommand::Reach { subject, reached };
        let metadata = metadata(subject.tenant_id, self.clock.now());
        self.executor.execute::<Quota>(subject.stream(), command, metadata).await?;
        Ok(())
    }
}
