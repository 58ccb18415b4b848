//! The world as the proxy asks it.

use super::World;
use crate::ports::{
    BoxError, EventSource, Granted, KeyNews, KeyReport, KeyReports, LeaseAsk, LeaseReturn, QuotaDesk, Stored,
    Totals, UnsealError, Unsealer, UsageSink, UsageTotals,
};
use async_trait::async_trait;
use clawplane_domain::{
    Decide, RequestId, SealedSecret, Secret, TenantId, TimeZone, Timestamp,
    provider_key::{DisabledBy, Disabling, KeyCommand},
    quota::{QuotaLimits, QuotaSubject, Reached},
    quota_lease::{Ask, LeaseCommand, LeaseEvent, QuotaLease, Standing},
    usage::{USAGE_STREAM, UsageRecorded},
};
use clawplane_eventstore::{Batch, Filter, Position, RecordedEvent, StoreError};
use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::Ordering,
};

/// Leases as the event store would have them, decided by the domain itself.
#[derive(Default)]
pub(crate) struct Desk {
    limits: HashMap<QuotaSubject, QuotaLimits>,
    leases: HashMap<String, QuotaLease>,
    pub(crate) reached: Vec<(QuotaSubject, Reached)>,
    /// How often slices were asked for.
    pub(crate) asked: u64,
    pub(crate) returned: u64,
}

impl Desk {
    pub(super) fn limit(&mut self, subject: QuotaSubject, limits: Option<QuotaLimits>) {
        match limits {
            Some(limits) => self.limits.insert(subject, limits),
            None => self.limits.remove(&subject),
        };
    }

    pub(super) fn execute(&mut self, stream: &str, command: LeaseCommand) -> Vec<LeaseEvent> {
        let lease = self.leases.entry(stream.to_owned()).or_default();
        let events = lease.decide(command).unwrap();
        events.iter().cloned().for_each(|event| lease.evolve(event));
        events
    }
}

#[async_trait]
impl QuotaDesk for World {
    async fn lease(&self, ask: LeaseAsk) -> Result<Vec<Granted>, BoxError> {
        self.check()?;
        // An answer takes its time.
        tokio::task::yield_now().await;
        let LeaseAsk { subject, holder, day, at, asks } = ask;
        let stream = QuotaLease::stream(&subject, day);
        let mut desk = self.desk.lock().unwrap();
        desk.asked += 1;
        let Some(limits) = desk.limits.get(&subject).copied() else { return Ok(Vec::new()) };
        let asks: Vec<_> =
            asks.into_iter().filter_map(|ask| Some(Ask { of: ask.limit.of(&limits)?, ..ask })).collect();
        let renew = LeaseCommand::Renew { subject, holder: holder.clone(), at, asks: asks.clone() };
        let events = desk.execute(&stream, renew);
        let lease = &desk.leases[&stream];
        let answer = |ask: &Ask| {
            let Standing { ceiling, spent, others } = lease.standing(ask.limit, &holder, at);
            Granted { limit: ask.limit, of: ask.of, ceiling, spent, others }
        };
        let answers = asks.iter().map(answer).collect();
        drop(desk);
        for event in events {
            self.emit("quota_lease", &stream, subject.tenant_id, &event);
        }
        Ok(answers)
    }

    async fn give_back(&self, back: LeaseReturn) -> Result<(), BoxError> {
        self.check()?;
        let LeaseReturn { subject, holder, day, used, .. } = back;
        let mut desk = self.desk.lock().unwrap();
        desk.returned += 1;
        desk.execute(&QuotaLease::stream(&subject, day), LeaseCommand::Return { subject, holder, used });
        Ok(())
    }

    async fn reached(&self, subject: QuotaSubject, reached: Reached) -> Result<(), BoxError> {
        self.check()?;
        self.desk.lock().unwrap().reached.push((subject, reached));
        Ok(())
    }
}

#[async_trait]
impl EventSource for World {
    async fn read(&self, after: Position, filter: Filter, limit: u32) -> Result<Batch, StoreError> {
        self.check()?;
        Ok(self.some(after, filter, limit, |_| true))
    }
    async fn read_others(
        &self,
        after: Position,
        filter: Filter,
        own: &str,
        limit: u32,
    ) -> Result<(Batch, Position), StoreError> {
        self.check()?;
        let others =
            |event: &RecordedEvent| event.aggregate_type != USAGE_STREAM || event.aggregate_id != own;
        let batch = self.some(after, filter, limit, others);
        let last = batch.last().unwrap_or(after);
        let head = self.events.lock().unwrap().last().map_or(after, |event| event.position);
        let next = if batch.exhausted { last.max(head) } else { last };
        Ok((batch, next))
    }
}

impl World {
    fn some(
        &self,
        after: Position,
        filter: Filter,
        limit: u32,
        fits: impl Fn(&RecordedEvent) -> bool,
    ) -> Batch {
        let wanted = |event: &&RecordedEvent| match filter {
            Filter::All => true,
            Filter::Types(types) => types.contains(&event.aggregate_type.as_str()),
        };
        let events = self.events.lock().unwrap();
        let events: Vec<_> = events
            .iter()
            .filter(|event| event.position > after && fits(event))
            .filter(wanted)
            .take(limit as usize)
            .cloned()
            .collect();
        let exhausted = events.len() < limit as usize;
        Batch { events, exhausted }
    }
}

#[async_trait]
impl UsageSink for World {
    async fn append(&self, stream: &str, records: &[(u64, UsageRecorded)]) -> Result<(), StoreError> {
        self.check()?;
        let mut usage = self.usage.lock().unwrap();
        let stored = usage.entry(stream.to_owned()).or_default();
        for (sequence, record) in records {
            stored.entry(*sequence).or_insert_with(|| record.clone());
        }
        drop(usage);
        self.appends.fetch_add(1, Ordering::SeqCst);
        self.appended.notify_waiters();
        Ok(())
    }
    async fn stored(&self, stream: &str, from: u64, open: &[RequestId]) -> Result<Stored, StoreError> {
        self.check()?;
        let usage = self.usage.lock().unwrap();
        let none = BTreeMap::new();
        let records = usage.get(stream).unwrap_or(&none);
        Ok(Stored {
            below: records.range(..from).next_back().map_or(0, |(number, _)| *number),
            runs: records.range(from..).map(|(number, _)| (*number, *number)).collect(),
            known: records
                .range(from..)
                .map(|(_, record)| record.request_id)
                .filter(|id| open.contains(id))
                .collect(),
        })
    }
}

#[async_trait]
impl Unsealer for World {
    async fn open(&self, sealed: &SealedSecret, bound_to: &str) -> Result<Secret, UnsealError> {
        self.check().map_err(|error| UnsealError::Unavailable(error.into()))?;
        if self.shredded.lock().unwrap().contains(&sealed.data_key_id) {
            return Err(UnsealError::Gone);
        }
        let text = String::from_utf8(hex::decode(&sealed.ciphertext).unwrap()).unwrap();
        match text.split_once('|') {
            Some((bound, secret)) if bound == bound_to => Ok(Secret::new(secret.to_owned())),
            _ => Err(UnsealError::Broken("forged".into())),
        }
    }
}

#[async_trait]
impl KeyReports for World {
    async fn report(&self, report: &KeyReport) -> Result<(), BoxError> {
        self.check()?;
        let secret = report.secret;
        let command = match report.news {
            KeyNews::Refused { status } => {
                let (by, reason) = (DisabledBy::Proxy, "refused".to_owned());
                let disabling = Disabling { by, reason, status: Some(status) };
                KeyCommand::Disable { disabling, secret: Some(secret) }
            }
            KeyNews::Cooled(cooling) => KeyCommand::Cool { cooling, secret },
            KeyNews::Recovered => KeyCommand::Recover { secret },
        };
        self.command_key(report.key_id, command, Some(&report.proxy));
        Ok(())
    }
}

#[async_trait]
impl UsageTotals for World {
    async fn current(&self, _: Timestamp, _: &[(TenantId, TimeZone)]) -> Result<Totals, BoxError> {
        self.check()?;
        Ok(self.totals.lock().unwrap().clone())
    }
}
