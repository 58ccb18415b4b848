//! What the tests start from: a store, commands, and ways to wait for a fact.

use crate::support::{self, CountingIds, FixedClock, TestDatabase, metadata};
use clawplane_domain::{
    BotId, DataKeyId, Metadata, SealedSecret, TenantId, TokenHash, UserId,
    bot::{
        Access, Bot, BotCommand, BotEvent, BotState, CreateBot, GatewayToken, Limits, ModelChoice,
        Observation,
    },
    clock::{Clock, Ids},
};
use clawplane_eventstore::{Committed, Executor, Feed, Filter, Position, RecordedEvent, Wakeup};
use sqlx::PgPool;
use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

/// A store with nothing in it.
pub struct Store {
    pub db: TestDatabase,
    pub executor: Executor,
    pub feed: Feed,
    pub wakeup: Wakeup,
    pub ids: CountingIds,
    pub tenant: TenantId,
}

impl Store {
    pub async fn empty() -> Self {
        Self::over(support::database().await)
    }

    pub fn over(db: TestDatabase) -> Self {
        let wakeup = Wakeup::default();
        let ids = CountingIds::default();
        Self {
            executor: Executor::new(db.pool.clone(), wakeup.clone()),
            feed: Feed::new(db.pool.clone()),
            tenant: TenantId(ids.uuid()),
            db,
            wakeup,
            ids,
        }
    }

    pub fn pool(&self) -> &PgPool {
        &self.db.pool
    }

    pub fn metadata(&self) -> Metadata {
        metadata(self.tenant)
    }

    pub fn bot_id(&self) -> BotId {
        BotId(self.ids.uuid())
    }

    /// The command that makes a bot.
    pub fn new_bot(&self, id: BotId, hostname: &str, port: u16) -> BotCommand {
        let new = CreateBot {
            id,
            host_id: clawplane_domain::HostId::LOCAL,
            host_labels: Vec::new(),
            tenant_id: self.tenant,
            created_by: UserId(self.ids.uuid()),
            hostname: hostname.parse().unwrap(),
            name: hostname.parse().unwrap(),
            image: None,
            port,
            tags: Vec::new(),
            models: vec![ModelChoice { vendor: "openai".parse().unwrap(), model: "gpt-5".parse().unwrap() }],
            limits: Limits::default(),
        };
        let sealed =
            SealedSecret { data_key_id: DataKeyId(id.0), nonce: "00".repeat(12), ciphertext: "00".into() };
        let token = GatewayToken { hash: TokenHash::of(hostname), sealed, expires_at: None };
        BotCommand::Create(Box::new(new), token, Access::default())
    }

    /// Makes a bot.
    pub async fn create(&self, hostname: &str, port: u16) -> (BotId, Committed<BotEvent>) {
        let id = self.bot_id();
        let command = self.new_bot(id, hostname, port);
        (id, self.executor.execute::<Bot>(id, command, self.metadata()).await.unwrap())
    }

    /// Gives a command to a bot.
    pub async fn bot(&self, id: BotId, command: BotCommand) -> Committed<BotEvent> {
        self.executor.execute::<Bot>(id, command, self.metadata()).await.unwrap()
    }

    /// The whole feed, once it has `count` events. Tests run beside each other in one cluster, and any of their
    /// transactions may hold the feed back for a while.
    pub async fn feed_of(&self, count: usize) -> Vec<RecordedEvent> {
        eventually(|| async {
            let batch = self.feed.read(Position::START, Filter::All, 100_000).await.unwrap();
            (batch.events.len() >= count).then_some(batch.events)
        })
        .await
    }
}

/// An observation unlike all others.
pub fn seen(restarts: u32) -> BotCommand {
    BotCommand::Observe(Observation { restarts, ..Observation::new(BotState::Starting) })
}

pub fn ids() -> Arc<dyn Ids> {
    Arc::new(CountingIds::default())
}

pub fn now() -> clawplane_domain::Timestamp {
    FixedClock::default().now()
}

/// Asks until there is an answer; fails after half a minute, which no healthy run comes near.
pub async fn eventually<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> T {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(30) {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("what the test waits for has not happened");
}
