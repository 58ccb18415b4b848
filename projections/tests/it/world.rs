//! A database with read models, everything that writes to it, and short words for it.

use crate::support::{CountingIds, TestDatabase, database};
use clawplane_domain::{
    Actor, BotId, DataKeyId, KeyId, Metadata, RequestId, SealedSecret, TenantId, Timestamp, TokenHash,
    UserId,
    bot::{Access, Bot, BotCommand, CreateBot, GatewayToken, Limits, ModelChoice},
    clock::Ids,
    price::{Price, PriceCommand, PriceRow, PriceScope, Rates},
    provider_key::{AddKey, KeyCommand, ProviderKey},
    usage::{Tokens, UsageRecorded},
};
use clawplane_eventstore::{Executor, Feed, Position, Precedence, UsageAppender, Wakeup};
use clawplane_projections::{Range, Runner, View, Views};
use sqlx::PgPool;
use std::time::{Duration, Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Longer than anything here takes, on any machine.
pub(crate) const LONG: Duration = Duration::from_mins(1);

pub(crate) struct World {
    pub(crate) pool: PgPool,
    /// Dropped with this.
    _database: TestDatabase,
    pub(crate) executor: Executor,
    pub(crate) appender: UsageAppender,
    pub(crate) views: Views,
    pub(crate) ids: CountingIds,
    wakeup: Wakeup,
}

/// A runner of all projections; they stop when this is dropped.
pub(crate) struct Running {
    shutdown: CancellationToken,
    tracker: TaskTracker,
}

impl Running {
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When everything happens unless a test says otherwise.
pub(crate) fn noon() -> Timestamp {
    at("2026-03-10T12:00:00Z")
}

/// All of time.
pub(crate) fn ever() -> Range {
    Range { from: at("2000-01-01T00:00:00Z"), to: at("2100-01-01T00:00:00Z") }
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = database().await;
        let pool = database.pool.clone();
        clawplane_projections::migrate(&pool).await.unwrap();
        let wakeup = Wakeup::default();
        Self {
            executor: Executor::new(pool.clone(), wakeup.clone()),
            appender: UsageAppender::new(pool.clone(), wakeup.clone()),
            views: Views::new(pool.clone()),
            ids: CountingIds::default(),
            pool,
            _database: database,
            wakeup,
        }
    }

    pub(crate) fn run(&self) -> Running {
        let running = Running { shutdown: CancellationToken::new(), tracker: TaskTracker::new() };
        Runner::start(
            self.pool.clone(),
            self.wakeup.clone(),
            Precedence::default(),
            running.shutdown.clone(),
            &running.tracker,
        );
        running
    }

    /// Waits until every read model has seen everything that is in the feed now.
    pub(crate) async fn settled(&self) {
        let head = self.head().await;
        for view in View::ALL {
            self.seen(view, head).await;
        }
    }

    pub(crate) async fn seen(&self, view: View, position: Position) {
        assert!(
            self.views.caught_up(view, position, LONG).await.unwrap(),
            "{view} did not come to {position}"
        );
    }

    /// The last event: nothing but this test writes, but other tests' transactions may hide it for a moment.
    pub(crate) async fn head(&self) -> Position {
        let newest: i64 = self.number("SELECT coalesce(max(global_position), 0) FROM events").await;
        let begun = Instant::now();
        loop {
            let head = Feed::new(self.pool.clone()).head().await.unwrap();
            if head.global == newest {
                return head;
            }
            assert!(begun.elapsed() < LONG, "the feed stays at {head}, although {newest} was stored");
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    pub(crate) async fn sql(&self, sql: &str) {
        sqlx::raw_sql(sql).execute(&self.pool).await.unwrap();
    }

    /// Waits until a query gives at least this number.
    pub(crate) async fn reaches(&self, sql: &str, number: i64) {
        let reached = async {
            while self.number(sql).await < number {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, reached).await.unwrap_or_else(|_| panic!("{sql} does not reach {number}"));
    }

    pub(crate) fn tenant(&self) -> TenantId {
        TenantId(self.ids.uuid())
    }

    pub(crate) fn metadata(&self, tenant: TenantId) -> Metadata {
        let request_id = Some(RequestId(self.ids.uuid()));
        Metadata { tenant_id: tenant, actor: Actor::system("test"), at: noon(), request_id, causation: None }
    }

    pub(crate) fn sealed(&self) -> SealedSecret {
        let (nonce, noise) = (self.ids.uuid().as_u128(), self.ids.uuid().as_u128());
        SealedSecret {
            data_key_id: DataKeyId(self.ids.uuid()),
            nonce: format!("{:024x}", nonce & ((1 << 96) - 1)),
            ciphertext: format!("{noise:032x}").repeat(2),
        }
    }

    pub(crate) fn token(&self) -> GatewayToken {
        let hash = TokenHash::of(&self.ids.uuid().to_string());
        GatewayToken { hash, sealed: self.sealed(), expires_at: None }
    }

    pub(crate) fn new_bot(&self, tenant: TenantId, hostname: &str) -> CreateBot {
        let id = BotId(self.ids.uuid());
        CreateBot {
            id,
            host_id: clawplane_domain::HostId::LOCAL,
            host_labels: Vec::new(),
            tenant_id: tenant,
            created_by: UserId(self.ids.uuid()),
            hostname: hostname.parse().unwrap(),
            name: format!("The bot {hostname}").parse().unwrap(),
            image: None,
            port: u16::try_from(id.0.as_u128() & 0x7fff).unwrap(),
            tags: vec!["fast".parse().unwrap()],
            models: vec![ModelChoice { vendor: "openai".parse().unwrap(), model: "gpt-x".parse().unwrap() }],
            limits: Limits::default(),
        }
    }

    pub(crate) async fn bot(&self, tenant: TenantId, hostname: &str) -> (BotId, Position) {
        let new = self.new_bot(tenant, hostname);
        let id = new.id;
        (
            id,
            self.command(tenant, id, BotCommand::Create(Box::new(new), self.token(), Access::default()))
                .await,
        )
    }

    pub(crate) async fn command(&self, tenant: TenantId, id: BotId, command: BotCommand) -> Position {
        let committed = self.executor.execute::<Bot>(id, command, self.metadata(tenant)).await.unwrap();
        committed.position.unwrap()
    }

    pub(crate) async fn key(&self, tenant: TenantId, label: &str) -> KeyId {
        let id = KeyId(self.ids.uuid());
        let key = AddKey {
            id,
            tenant_id: tenant,
            created_by: UserId(self.ids.uuid()),
            vendor: "openai".parse().unwrap(),
            label: label.parse().unwrap(),
            tags: vec!["fast".parse().unwrap(), "cheap".parse().unwrap()],
            weight: 3,
            base_url: Some("https://vendor.example/v1".parse().unwrap()),
            api_type: None,
            on_disconnect: clawplane_domain::provider_key::OnDisconnect::default(),
            sealed: self.sealed(),
        };
        let command = KeyCommand::Add(Box::new(key));
        self.executor.execute::<ProviderKey>(id, command, self.metadata(tenant)).await.unwrap();
        id
    }

    pub(crate) async fn price(&self, tenant: TenantId, model: &str) {
        let scope =
            PriceScope { vendor: "openai".parse().unwrap(), model: model.parse().unwrap(), valid_from: None };
        let add = PriceCommand::Add(PriceRow { scope, rates: Rates::default() });
        self.executor.execute::<Price>(self.ids.uuid(), add, self.metadata(tenant)).await.unwrap();
    }

    /// A request that went well.
    pub(crate) fn usage(&self, tenant: TenantId, bot: BotId, at: Timestamp) -> UsageRecorded {
        UsageRecorded {
            request_id: RequestId(self.ids.uuid()),
            tenant_id: tenant,
            bot_id: bot,
            key_id: Some(KeyId(uuid::Uuid::from_u128(7))),
            vendor: "openai".parse().unwrap(),
            model: Some("gpt-x".parse().unwrap()),
            status: 200,
            error: None,
            stream: true,
            tokens: Tokens {
                input_tokens: 100,
                cached_input_tokens: 40,
                cache_write_tokens: 10,
                output_tokens: 20,
                reasoning_tokens: 5,
                ..Tokens::default()
            },
            service_tier: None,
            cost_micros: Some(30),
            price_version: None,
            estimated: false,
            interrupted: false,
            ttfb_ms: Some(12),
            duration_ms: 345,
            at,
            attempts: 1,
        }
    }

    /// Appends to a stream, from this number on.
    pub(crate) async fn append(&self, stream: &str, first: u64, usage: Vec<UsageRecorded>) {
        let numbered: Vec<_> = (first..).zip(usage).collect();
        self.appender.append(stream, &numbered).await.unwrap();
    }
}
