//! Doubles of the outside, shared by the tests: a feed, a sink and a vault in memory, and a clock that stands still.

mod given;
mod ports;

use crate::ports::{BotTotals, Totals};
use clawplane_domain::{
    Actor, BotId, DataKeyId, DomainEvent, Metadata, SealedSecret, TenantId, Timestamp,
    clock::{Clock, Ids},
    provider_key::OnDisconnect,
    usage::UsageRecorded,
    values::Tag,
};
use clawplane_eventstore::{Payload, Position, RecordedEvent, StoreError};
pub(crate) use ports::Desk;
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
