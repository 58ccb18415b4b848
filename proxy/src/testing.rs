//! Doubles of the outside, shared by the tests: a feed, a sink and a vault in memory, and a clock that stands still.

use crate::ports::{
    BotTotals, BoxError, EventSource, Granted, KeyNews, KeyReport, KeyReports, LeaseAsk, LeaseReturn,
    QuotaDesk, Stored, Totals, UnsealError, Unsealer, UsageSink, UsageTotals,
};
use async_trait::async_trait;
use clawplane_domain::{
    Actor, BotId, DataKeyId, Decide, DomainEvent, KeyId, Metadata, PriceId, RequestId, SealedSecret, Secret,
    TenantId, TimeZone, Timestamp, TokenHash, UserId,
    bot::{BotEvent, CreateBot, Fallback, GatewayToken, Limits},
    clock::{Clock, Ids},
    price::{PriceEvent, PriceRow, PriceScope, Rates},
    provider_key::{AddKey, ApiType, DisabledBy, Disabling, KeyCommand, KeyEvent, OnDisconnect, ProviderKey},
    quota::{QuotaEvent, QuotaLimits, QuotaSubject, Reached},
    quota_lease::{Ask, LeaseCommand, LeaseEvent, QuotaLease, Standing},
    usage::UsageRecorded,
    values::Tag,
};
use clawplane_eventstore::{Batch, Filter, Payload, Position, RecordedEvent, StoreError};
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::sync::Notify;
use uuid::Uuid;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn tags(names: &[&str]) -> Vec<Tag> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// A clock that stands still until it is set.
pub(crate) struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    pub(crate) fn new(text: &str) -> Self {
        Self(Mutex::new(at(text)))
    }
    pub(crate) fn set(&self, text: &str) {
        *self.0.lock().unwrap() = at(text);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A uuid that nobody else has.
pub(crate) fn fresh() -> Uuid {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// Real ids: tests of the proxy run side by side.
pub(crate) struct TestIds;

impl Ids for TestIds {
    fn uuid(&self) -> Uuid {
        fresh()
    }
    fn random(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).unwrap();
        bytes
    }
}

/// Seals by writing the binding before the secret.
pub(crate) fn seal(secret: &str, bound_to: &str) -> SealedSecret {
    let ciphertext = hex::encode(format!("{bound_to}|{secret}"));
    SealedSecret { data_key_id: DataKeyId(fresh()), nonce: String::new(), ciphertext }
}

/// Events, usage and vault in memory.
#[derive(Default)]
pub(crate) struct World {
    events: Mutex<Vec<RecordedEvent>>,
    usage: Mutex<HashMap<String, BTreeMap<u64, UsageRecorded>>>,
    pub(crate) totals: Mutex<Totals>,
    /// What the keys that are made from now on say.
    pub(crate) on_disconnect: Mutex<OnDisconnect>,
    shredded: Mutex<Vec<DataKeyId>>,
    /// The database is away.
    pub(crate) down: AtomicBool,
    pub(crate) appended: Notify,
    pub(crate) appends: AtomicU64,
    pub(crate) desk: Mutex<Desk>,
}

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
    fn limit(&mut self, subject: QuotaSubject, limits: Option<QuotaLimits>) {
        match limits {
            Some(limits) => self.limits.insert(subject, limits),
            None => self.limits.remove(&subject),
        };
    }

    fn execute(&mut self, stream: &str, command: LeaseCommand) -> Vec<LeaseEvent> {
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

impl World {
    pub(crate) fn emit<E: DomainEvent + Serialize>(
        &self,
        kind: &str,
        stream: impl std::fmt::Display,
        tenant: TenantId,
        event: &E,
    ) {
        self.emit_raw(kind, &stream.to_string(), tenant, &event.event_type(), event);
    }

    pub(crate) fn emit_raw(
        &self,
        kind: &str,
        stream: &str,
        tenant: TenantId,
        event_type: &str,
        payload: &impl serde::Serialize,
    ) {
        self.emit_because(kind, stream, tenant, event_type, payload, None);
    }

    /// Where the feed ends now.
    pub(crate) fn head(&self) -> Position {
        self.events.lock().unwrap().last().map_or(Position::START, |event| event.position)
    }

    fn emit_because(
        &self,
        kind: &str,
        stream: &str,
        tenant: TenantId,
        event_type: &str,
        payload: &impl serde::Serialize,
        causation: Option<String>,
    ) {
        let mut events = self.events.lock().unwrap();
        let now = at("2026-11-20T00:00:00Z");
        let global = i64::try_from(events.len()).unwrap() + 1;
        let of_stream = |event: &&RecordedEvent| event.aggregate_type == kind && event.aggregate_id == stream;
        let sequence = u64::try_from(events.iter().filter(of_stream).count()).unwrap() + 1;
        events.push(RecordedEvent {
            position: Position { tx_id: 1, global },
            event_id: fresh(),
            aggregate_type: kind.to_owned(),
            aggregate_id: stream.to_owned(),
            sequence,
            event_type: event_type.to_owned(),
            event_version: "1".to_owned(),
            payload: Payload::of(payload).unwrap(),
            metadata: Metadata {
                tenant_id: tenant,
                actor: Actor::system("test"),
                at: now,
                request_id: None,
                causation,
            },
            tenant_id: tenant,
            recorded_at: now,
        });
    }

    /// A bot with `token`.
    pub(crate) fn bot(
        &self,
        tenant: TenantId,
        token: &str,
        names: &[&str],
        expires_at: Option<Timestamp>,
    ) -> BotId {
        let id = BotId(fresh());
        let bot = CreateBot {
            id,
            tenant_id: tenant,
            created_by: UserId(fresh()),
            hostname: "bot".parse().unwrap(),
            name: "Bot".parse().unwrap(),
            image: None,
            port: 9200,
            tags: tags(names),
            models: Vec::new(),
            limits: Limits::default(),
        };
        self.emit("bot", id, tenant, &BotEvent::Created { bot });
        self.token(tenant, id, token, expires_at);
        id
    }

    pub(crate) fn token(&self, tenant: TenantId, bot: BotId, token: &str, expires_at: Option<Timestamp>) {
        let token =
            GatewayToken { hash: TokenHash::of(token), sealed: seal(token, &bot.to_string()), expires_at };
        self.emit("bot", bot, tenant, &BotEvent::TokenIssued { token });
    }

    pub(crate) fn bot_event(&self, tenant: TenantId, bot: BotId, event: &BotEvent) {
        self.emit("bot", bot, tenant, event);
    }

    /// Lets vendors stand in for others: `from`, `to`, and the model or nothing.
    pub(crate) fn fallbacks(&self, tenant: TenantId, bot: BotId, list: &[(&str, &str, &str)]) {
        let entry = |(from, to, model): &(&str, &str, &str)| Fallback {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            model: (!model.is_empty()).then(|| model.parse().unwrap()),
        };
        let event = BotEvent::FallbacksSet { fallbacks: list.iter().map(entry).collect() };
        self.emit("bot", bot, tenant, &event);
    }

    pub(crate) fn delete_bot(&self, tenant: TenantId, bot: BotId) {
        let event = BotEvent::Deleted { hostname: "bot".parse().unwrap(), token_hash: None };
        self.emit("bot", bot, tenant, &event);
    }

    pub(crate) fn key(&self, tenant: TenantId, vendor: &str, secret: &str, base_url: Option<&str>) -> KeyId {
        self.key_with(tenant, vendor, secret, base_url, &[], None)
    }

    pub(crate) fn key_with(
        &self,
        tenant: TenantId,
        vendor: &str,
        secret: &str,
        base_url: Option<&str>,
        names: &[&str],
        api_type: Option<ApiType>,
    ) -> KeyId {
        let id = KeyId(fresh());
        let key = AddKey {
            id,
            tenant_id: tenant,
            created_by: UserId(fresh()),
            vendor: vendor.parse().unwrap(),
            label: "key".parse().unwrap(),
            tags: tags(names),
            weight: 1,
            base_url: base_url.map(|url| url.parse().unwrap()),
            api_type,
            on_disconnect: *self.on_disconnect.lock().unwrap(),
            sealed: seal(secret, &clawplane_domain::sealed::bound_to_key(tenant, id)),
        };
        self.emit("provider_key", id, tenant, &KeyEvent::Added { key });
        id
    }

    pub(crate) fn delete_key(&self, tenant: TenantId, key: KeyId) {
        self.emit("provider_key", key, tenant, &KeyEvent::Deleted { data_key_id: DataKeyId(Uuid::nil()) });
    }

    /// Gives a key a command, as the executor would; how many events it led to.
    pub(crate) fn command_key(&self, key: KeyId, command: KeyCommand, causation: Option<&str>) -> usize {
        let mut state = ProviderKey::default();
        let stored: Vec<_> = {
            let events = self.events.lock().unwrap();
            let ours = |event: &&RecordedEvent| event.aggregate_id == key.to_string();
            events.iter().filter(ours).map(|event| event.payload.clone()).collect()
        };
        for event in stored {
            state.evolve(event.decode().unwrap());
        }
        let tenant = state.key.as_ref().unwrap().tenant_id;
        let events = state.decide(command).unwrap();
        for event in &events {
            let name = event.event_type();
            let causation = causation.map(str::to_owned);
            self.emit_because("provider_key", &key.to_string(), tenant, &name, event, causation);
        }
        events.len()
    }

    /// The names of a key's events.
    pub(crate) fn history(&self, key: KeyId) -> Vec<String> {
        let events = self.events.lock().unwrap();
        let ours = events.iter().filter(|event| event.aggregate_id == key.to_string());
        ours.map(|event| event.event_type.trim_start_matches("provider_key.").to_owned()).collect()
    }

    /// Waits until a key's events are these.
    pub(crate) async fn wait_for_history(&self, key: KeyId, wanted: &[&str]) {
        let waiting = async {
            while self.history(key) != wanted {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        let came = tokio::time::timeout(std::time::Duration::from_secs(10), waiting).await;
        came.unwrap_or_else(|_| panic!("{:?} instead of {wanted:?}", self.history(key)));
    }

    pub(crate) fn quota(&self, tenant: TenantId, bot: BotId, limits: QuotaLimits) {
        self.limit(QuotaSubject::bot(tenant, bot), Some(limits));
    }

    /// Says what a model costs.
    pub(crate) fn price(&self, id: PriceId, vendor: &str, model: &str, rates: &Rates) {
        let scope =
            PriceScope { vendor: vendor.parse().unwrap(), model: model.parse().unwrap(), valid_from: None };
        let event = PriceEvent::Set { row: PriceRow { scope, rates: *rates }, replaces: None };
        self.emit("price", id, TenantId(fresh()), &event);
    }

    pub(crate) fn remove_price(&self, id: PriceId, vendor: &str, model: &str) {
        let scope =
            PriceScope { vendor: vendor.parse().unwrap(), model: model.parse().unwrap(), valid_from: None };
        self.emit("price", id, TenantId(fresh()), &PriceEvent::Removed { scope });
    }

    /// Sets or clears the quota of a bot or a tenant.
    pub(crate) fn limit(&self, subject: QuotaSubject, limits: Option<QuotaLimits>) {
        let event = match limits {
            Some(limits) => QuotaEvent::Set { subject, limits },
            None => QuotaEvent::Cleared { subject },
        };
        self.desk.lock().unwrap().limit(subject, limits);
        self.emit("quota", subject.stream(), subject.tenant_id, &event);
    }

    pub(crate) fn shred_all(&self) {
        let events = self.events.lock().unwrap();
        let payloads = events.iter().map(|event| event.value().unwrap());
        let ids = payloads.filter_map(|payload| payload.pointer("/sealed/dataKeyId").cloned());
        *self.shredded.lock().unwrap() = ids.map(|id| serde_json::from_value(id).unwrap()).collect();
    }

    /// What is stored, in the order of streams and numbers.
    pub(crate) fn usage(&self) -> Vec<UsageRecorded> {
        self.usage.lock().unwrap().values().flat_map(BTreeMap::values).cloned().collect()
    }

    pub(crate) fn stored(&self) -> HashMap<String, Vec<u64>> {
        let usage = self.usage.lock().unwrap();
        usage.iter().map(|(stream, records)| (stream.clone(), records.keys().copied().collect())).collect()
    }

    /// Waits until `count` records are stored.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<UsageRecorded> {
        let waiting = async {
            loop {
                let appended = self.appended.notified();
                let usage = self.usage();
                if usage.len() >= count {
                    return usage;
                }
                appended.await;
            }
        };
        let stored = tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await;
        stored.unwrap_or_else(|_| panic!("only {} of {count} records came", self.usage().len()))
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.down.load(Ordering::SeqCst) { Err(StoreError::TaskLost) } else { Ok(()) }
    }
}

#[async_trait]
impl EventSource for World {
    async fn read(&self, after: Position, filter: Filter, limit: u32) -> Result<Batch, StoreError> {
        self.check()?;
        let wanted = |event: &&RecordedEvent| match filter {
            Filter::All => true,
            Filter::Types(types) => types.contains(&event.aggregate_type.as_str()),
        };
        let events = self.events.lock().unwrap();
        let events: Vec<_> = events
            .iter()
            .filter(|event| event.position > after)
            .filter(wanted)
            .take(limit as usize)
            .cloned()
            .collect();
        let exhausted = events.len() < limit as usize;
        Ok(Batch { events, exhausted })
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

/// Totals of one bot's day, at the feed's start.
pub(crate) fn day_total(tenant_id: TenantId, bot_id: BotId, tokens: u64) -> Totals {
    let totals = BotTotals {
        tenant_id,
        bot_id,
        day_tokens: tokens,
        day_cost_micros: 0,
        month_tokens: tokens,
        month_cost_micros: 0,
    };
    Totals { position: Position::START, bots: vec![totals] }
}

/// Of a spool whose records survive the process.
pub(crate) fn limits(segment_bytes: u64, max_bytes: u64) -> crate::spool::Limits {
    crate::spool::Limits { segment_bytes, max_bytes, durability: crate::SpoolDurability::Process }
}

/// A request that was under way when nothing more was heard of it.
pub(crate) fn draft() -> UsageRecorded {
    UsageRecorded {
        request_id: clawplane_domain::RequestId(fresh()),
        tenant_id: TenantId(fresh()),
        bot_id: BotId(fresh()),
        key_id: None,
        vendor: "openai".parse().unwrap(),
        model: None,
        status: 499,
        error: Some("proxy_stopped".to_owned()),
        stream: false,
        tokens: clawplane_domain::usage::Tokens::default(),
        service_tier: None,
        cost_micros: None,
        price_version: None,
        estimated: true,
        interrupted: true,
        ttfb_ms: None,
        duration_ms: 0,
        at: at("2026-11-20T00:00:00Z"),
        attempts: 1,
    }
}
