//! Doubles of the outside, shared by the tests: a feed, a sink and a vault in memory, and a clock that stands still.

use crate::ports::{BotTotals, BoxError, EventSource, Totals, UnsealError, Unsealer, UsageSink, UsageTotals};
use async_trait::async_trait;
use clawplane_domain::{
    Actor, BotId, DataKeyId, DomainEvent, KeyId, Metadata, SealedSecret, Secret, TenantId, Timestamp,
    TokenHash, UserId,
    bot::{BotEvent, CreateBot, GatewayToken, Limits},
    clock::{Clock, Ids},
    provider_key::{AddKey, ApiType, KeyEvent},
    quota::{QuotaEvent, QuotaLimits},
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
    shredded: Mutex<Vec<DataKeyId>>,
    /// The database is away.
    pub(crate) down: AtomicBool,
    pub(crate) appended: Notify,
    pub(crate) appends: AtomicU64,
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
        let mut events = self.events.lock().unwrap();
        let now = at("2026-11-20T00:00:00Z");
        let global = i64::try_from(events.len()).unwrap() + 1;
        events.push(RecordedEvent {
            position: Position { tx_id: 1, global },
            event_id: fresh(),
            aggregate_type: kind.to_owned(),
            aggregate_id: stream.to_owned(),
            sequence: u64::try_from(global).unwrap(),
            event_type: event_type.to_owned(),
            event_version: "1".to_owned(),
            payload: Payload::of(payload).unwrap(),
            metadata: Metadata {
                tenant_id: tenant,
                actor: Actor::system("test"),
                at: now,
                request_id: None,
                causation: None,
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
            sealed: seal(secret, &clawplane_domain::sealed::bound_to_key(tenant, id)),
        };
        self.emit("provider_key", id, tenant, &KeyEvent::Added { key });
        id
    }

    pub(crate) fn delete_key(&self, tenant: TenantId, key: KeyId) {
        self.emit("provider_key", key, tenant, &KeyEvent::Deleted { data_key_id: DataKeyId(Uuid::nil()) });
    }

    pub(crate) fn quota(&self, tenant: TenantId, bot: BotId, limits: QuotaLimits) {
        self.emit("quota", bot, tenant, &QuotaEvent::Set { tenant_id: tenant, bot_id: bot, limits });
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
    async fn sequences(&self, stream: &str) -> Result<Vec<u64>, StoreError> {
        self.check()?;
        Ok(self.stored().remove(stream).unwrap_or_default())
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
impl UsageTotals for World {
    async fn current(&self, _: Timestamp) -> Result<Totals, BoxError> {
        self.check()?;
        Ok(self.totals.lock().unwrap().clone())
    }
}

/// Totals of one bot's day, at the feed's start.
pub(crate) fn day_total(bot_id: BotId, tokens: u64) -> Totals {
    let totals = BotTotals {
        bot_id,
        day_tokens: tokens,
        day_cost_micros: 0,
        month_tokens: tokens,
        month_cost_micros: 0,
    };
    Totals { position: Position::START, bots: vec![totals] }
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
        cost_micros: None,
        price_version: None,
        estimated: true,
        interrupted: true,
        ttfb_ms: None,
        duration_ms: 0,
        at: at("2026-11-20T00:00:00Z"),
    }
}
