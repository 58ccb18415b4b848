//! The outside of a proxy with one bot and one key, and no database.

use crate::load::TOKEN;
use async_trait::async_trait;
use clawplane_domain::{
    Actor, BotId, DataKeyId, DomainEvent, KeyId, Metadata, RequestId, SealedSecret, Secret, TenantId,
    TimeZone, Timestamp, TokenHash, UserId,
    bot::{BotEvent, CreateBot, GatewayToken, Limits},
    provider_key::{AddKey, KeyEvent, OnDisconnect},
    quota::{QuotaSubject, Reached},
    usage::UsageRecorded,
};
use clawplane_eventstore::{Batch, Filter, Payload, Position, RecordedEvent, StoreError};
use clawplane_proxy::ports::{
    BoxError, EventSource, Granted, KeyReport, KeyReports, LeaseAsk, LeaseReturn, QuotaDesk, Stored, Totals,
    UnsealError, Unsealer, UsageSink, UsageTotals,
};
use clawplane_tests::wait;
use serde::Serialize;
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};
use uuid::Uuid;

/// Three events, and how many records of usage came.
pub(crate) struct World {
    events: Vec<RecordedEvent>,
    recorded: AtomicU64,
}

impl World {
    /// With a key for OpenAI at `vendor`.
    pub(crate) fn new(vendor: SocketAddr) -> Self {
        let mut world = Self { events: Vec::new(), recorded: AtomicU64::new(0) };
        let (tenant_id, bot, key) = (TenantId(Uuid::now_v7()), BotId(Uuid::now_v7()), KeyId(Uuid::now_v7()));
        let created = CreateBot {
            id: bot,
            host_id: clawplane_domain::HostId::LOCAL,
            host_labels: Vec::new(),
            tenant_id,
            created_by: UserId(Uuid::now_v7()),
            hostname: "bot".parse().expect("a name"),
            name: "Bot".parse().expect("a name"),
            image: None,
            port: 9200,
            tags: Vec::new(),
            models: Vec::new(),
            limits: Limits::default(),
        };
        world.emit("bot", &bot, tenant_id, &BotEvent::Created { bot: created });
        let token = GatewayToken { hash: TokenHash::of(TOKEN), sealed: seal(TOKEN), expires_at: None };
        world.emit("bot", &bot, tenant_id, &BotEvent::TokenIssued { token });
        let added = AddKey {
            id: key,
            tenant_id,
            created_by: UserId(Uuid::now_v7()),
            vendor: "openai".parse().expect("a vendor"),
            label: "key".parse().expect("a label"),
            tags: Vec::new(),
            weight: 1,
            base_url: Some(format!("http://{vendor}/v1").parse().expect("an address")),
            api_type: None,
            on_disconnect: OnDisconnect::default(),
            sealed: seal("sk-bench"),
        };
        world.emit("provider_key", &key, tenant_id, &KeyEvent::Added { key: added });
        world
    }

    fn emit<E: DomainEvent + Serialize>(
        &mut self,
        aggregate_type: &str,
        id: &impl ToString,
        tenant_id: TenantId,
        event: &E,
    ) {
        let at = chrono::Utc::now();
        let number = self.events.len() + 1;
        self.events.push(RecordedEvent {
            position: Position { tx_id: 1, global: i64::try_from(number).expect("a few") },
            event_id: Uuid::now_v7(),
            aggregate_type: aggregate_type.to_owned(),
            aggregate_id: id.to_string(),
            sequence: number as u64,
            event_type: event.event_type(),
            event_version: event.event_version(),
            payload: Payload::of(event).expect("JSON"),
            metadata: Metadata {
                tenant_id,
                actor: Actor::system("bench"),
                at,
                request_id: None,
                causation: None,
            },
            tenant_id,
            recorded_at: at,
        });
    }

    /// Sees to it that requests were recorded, each once: what was counted was the whole way.
    pub(crate) async fn has_recorded(&self, requests: u64) {
        wait::until("every request to be recorded", 30, || async {
            match self.recorded.load(Ordering::SeqCst) {
                recorded if recorded == requests => Ok(()),
                recorded => Err(format!("{recorded} of {requests}")),
            }
        })
        .await;
    }
}

/// Nothing is secret here.
fn seal(secret: &str) -> SealedSecret {
    SealedSecret {
        data_key_id: DataKeyId(Uuid::now_v7()),
        nonce: String::new(),
        ciphertext: secret.to_owned(),
    }
}

#[async_trait]
impl EventSource for World {
    async fn read(&self, after: Position, filter: Filter, limit: u32) -> Result<Batch, StoreError> {
        let wanted = |event: &&RecordedEvent| match filter {
            Filter::All => true,
            Filter::Types(types) => types.contains(&event.aggregate_type.as_str()),
        };
        let later = self.events.iter().filter(|event| event.position > after).filter(wanted);
        let events: Vec<_> = later.take(limit as usize).cloned().collect();
        Ok(Batch { exhausted: events.len() < limit as usize, events })
    }

    /// There is no other proxy.
    async fn read_others(
        &self,
        after: Position,
        _: Filter,
        _: &str,
        _: u32,
    ) -> Result<(Batch, Position), StoreError> {
        Ok((Batch { events: Vec::new(), exhausted: true }, after))
    }
}

#[async_trait]
impl UsageSink for World {
    async fn append(&self, _: &str, records: &[(u64, UsageRecorded)]) -> Result<(), StoreError> {
        let right = |(_, usage): &&(u64, UsageRecorded)| {
            usage.status == 200 && !usage.estimated && usage.tokens.output_tokens == 7
        };
        self.recorded.fetch_add(records.iter().filter(right).count() as u64, Ordering::SeqCst);
        Ok(())
    }
    async fn stored(&self, _: &str, _: u64, _: &[RequestId]) -> Result<Stored, StoreError> {
        Ok(Stored { below: 0, runs: Vec::new(), known: Vec::new() })
    }
}

#[async_trait]
impl Unsealer for World {
    async fn open(&self, sealed: &SealedSecret, _: &str) -> Result<Secret, UnsealError> {
        Ok(Secret::new(sealed.ciphertext.clone()))
    }
}

#[async_trait]
impl UsageTotals for World {
    async fn current(&self, _: Timestamp, _: &[(TenantId, TimeZone)]) -> Result<Totals, BoxError> {
        Ok(Totals::default())
    }
}

#[async_trait]
impl KeyReports for World {
    async fn report(&self, report: &KeyReport) -> Result<(), BoxError> {
        panic!("the key is in order: {report:?}")
    }
}

/// There are no quotas.
#[async_trait]
impl QuotaDesk for World {
    async fn lease(&self, _: LeaseAsk) -> Result<Vec<Granted>, BoxError> {
        Ok(Vec::new())
    }
    async fn give_back(&self, _: LeaseReturn) -> Result<(), BoxError> {
        Ok(())
    }
    async fn reached(&self, _: QuotaSubject, _: Reached) -> Result<(), BoxError> {
        Ok(())
    }
}
