//! A worker on its own: real events in a real database, and a runtime that the test chooses.

use crate::support::{self, FixedClock, TestDatabase, metadata};
use async_trait::async_trait;
use clawplane_domain::{
    BotId, HostId, Secret, TenantId, TokenHash, UserId,
    bot::{
        Access, Bot, BotCommand, BotEvent, BotState, CreateBot, GatewayToken, Limits, ModelChoice, NewBot,
        Observation, Setup,
    },
    sealed::bound_to_bot,
};
use clawplane_eventstore::{DeadLetters, Executor, Feed, MasterKey, Position, Vault, Wakeup, feed::Filter};
use clawplane_workers::{
    BoxError, DesiredBot, DesiredBots, DockerWorker, DockerWorkerConfig, DockerWorkerParts, ExecutorReports,
    Nats, Runtime, VaultTokens,
};
use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The image that bots have unless a test says otherwise.
pub(crate) const IMAGE: &str = "clawplane/test-bot:1";
/// Longest wait for anything.
const LONGEST: Duration = Duration::from_secs(30);

/// What a bot of these tests is made of.
struct Made<'a> {
    image: Option<&'a str>,
    setup: Setup,
    limits: Limits,
    host: HostId,
}

impl Default for Made<'_> {
    fn default() -> Self {
        let limits = Limits { memory_mib: 64, cpu_millis: 500, pids: 32, ..Limits::default() };
        Self { image: None, setup: Setup::default(), limits, host: HostId::LOCAL }
    }
}

pub(crate) struct Desk {
    pub(crate) database: TestDatabase,
    pub(crate) executor: Executor,
    pub(crate) wakeup: Wakeup,
    pub(crate) tenant: TenantId,
    pub(crate) vault: Vault,
    pub(crate) data: TempDir,
    pub(crate) bots: Arc<Known>,
}

/// The read model of these tests: the bots folded from their events.
pub(crate) struct Known {
    executor: Executor,
    pool: sqlx::PgPool,
    ids: Mutex<Vec<BotId>>,
}

/// A worker that runs.
pub(crate) struct Running {
    pub(crate) worker: DockerWorker,
    shutdown: CancellationToken,
    tracker: TaskTracker,
}

impl Known {
    /// As another process sees them, with connections of its own.
    pub(crate) async fn by(&self, executor: &Executor) -> Vec<DesiredBot> {
        let ids = self.ids.lock().unwrap().clone();
        let mut bots = Vec::new();
        for id in ids {
            bots.extend(fold(executor, id).await.filter(|known| !known.removed).map(|known| known.bot));
        }
        bots
    }
}

#[async_trait]
impl DesiredBots for Known {
    async fn present(&self, _at_least: Option<Position>) -> Result<Vec<DesiredBot>, BoxError> {
        Ok(self.by(&self.executor).await)
    }

    async fn config(&self, bot: BotId, _: TenantId, version: u64) -> Result<Option<String>, BoxError> {
        let feed = Feed::new(self.pool.clone());
        let batch = feed.read(Position::START, Filter::Types(&["bot"]), 10_000).await?;
        let of_it = batch.events.iter().filter(|event| event.aggregate_id == bot.to_string());
        Ok(of_it.filter_map(|event| event.decode().ok()).find_map(|event| match event {
            BotEvent::ConfigSet { version: found, config_text, .. } if found == version => {
                Some(config_text.as_str().to_owned())
            }
            _ => None,
        }))
    }
}

/// A bot as its events tell of it.
pub(crate) struct Folded {
    pub(crate) bot: DesiredBot,
    pub(crate) removed: bool,
}

async fn fold(executor: &Executor, id: BotId) -> Option<Folded> {
    let bot = executor.load::<Bot>(&id.to_string()).await.unwrap().profile?;
    let removed = bot.removed;
    let bot = DesiredBot {
        id: bot.id,
        tenant_id: bot.tenant_id,
        hostname: bot.hostname,
        name: bot.name,
        image: bot.image,
        port: bot.port,
        tags: bot.tags,
        models: bot.models,
        limits: bot.limits,
        config_version: bot.config.version,
        placement: bot.placement,
        token: bot.token,
        life: bot.life,
        egress: bot.egress,
        desired: bot.desired,
        observed: bot.observed,
    };
    Some(Folded { bot, removed })
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let database = support::database().await;
        let wakeup = Wakeup::default();
        let executor = Executor::new(database.pool.clone(), wakeup.clone());
        let ids = Arc::new(support::CountingIds::default());
        let vault = Vault::new(database.pool.clone(), MasterKey::new([7; 32]), ids);
        let bots = Arc::new(Known {
            executor: executor.clone(),
            pool: database.pool.clone(),
            ids: Mutex::default(),
        });
        let tenant = TenantId(unique());
        Self { database, executor, wakeup, tenant, vault, data: tempfile::tempdir().unwrap(), bots }
    }

    /// Times that fit a test.
    pub(crate) fn config(&self) -> DockerWorkerConfig {
        DockerWorkerConfig {
            egress_port: free_port(),
            reconcile_every: Duration::from_millis(500),
            health_every: Duration::from_millis(50),
            health_within: Duration::from_secs(20),
            retry_first: Duration::from_millis(50),
            retry_longest: Duration::from_millis(200),
            engine_retry: Duration::from_millis(50),
            progress_every: Duration::ZERO,
            reload_within: Duration::from_millis(100),
            stop_grace: Duration::from_secs(5),
            ..DockerWorkerConfig::new(IMAGE.parse().unwrap(), self.data.path().join("bots"), nowhere())
        }
    }

    pub(crate) fn work(&self, config: DockerWorkerConfig, runtime: Arc<dyn Runtime>) -> Running {
        self.work_with(config, runtime, None)
    }

    pub(crate) fn work_with(
        &self,
        config: DockerWorkerConfig,
        runtime: Arc<dyn Runtime>,
        nats: Option<(Nats, DeadLetters)>,
    ) -> Running {
        let (shutdown, tracker) = (CancellationToken::new(), TaskTracker::new());
        let clock = Arc::new(FixedClock::default());
        let parts = DockerWorkerParts {
            runtime,
            bots: self.bots.clone(),
            reports: Arc::new(ExecutorReports::new(self.executor.clone(), clock)),
            tokens: Arc::new(VaultTokens(self.vault.clone())),
            feed: Feed::new(self.database.pool.clone()),
            wakeup: self.wakeup.clone(),
            nats,
        };
        let worker = DockerWorker::start(config, parts, &shutdown, &tracker).unwrap();
        Running { worker, shutdown, tracker }
    }

    /// A new bot with a gateway token, not started, on the local host.
    pub(crate) async fn bot(&self, hostname: &str, image: Option<&str>) -> BotId {
        self.make(hostname, Made { image, ..Made::default() }).await
    }

    /// As [`Desk::bot`], with all that a bot can be given.
    pub(crate) async fn set_up(&self, hostname: &str, setup: Setup) -> BotId {
        self.make(hostname, Made { setup, ..Made::default() }).await
    }

    /// As [`Desk::bot`], with these limits.
    pub(crate) async fn bot_with(&self, hostname: &str, image: Option<&str>, limits: Limits) -> BotId {
        self.make(hostname, Made { image, limits, ..Made::default() }).await
    }

    /// As [`Desk::bot`], on a host.
    pub(crate) async fn bot_on(&self, hostname: &str, host: HostId) -> BotId {
        self.make(hostname, Made { host, ..Made::default() }).await
    }

    async fn make(&self, hostname: &str, made: Made<'_>) -> BotId {
        let Made { image, setup, limits, host: host_id } = made;
        let id = BotId(unique());
        let secret = Secret::new(token_of(id));
        let sealed = self.vault.seal(&secret, &bound_to_bot(self.tenant, id)).await.unwrap();
        let token = GatewayToken { hash: TokenHash::of(secret.expose()), sealed, expires_at: None };
        let model = ModelChoice { vendor: "openai".parse().unwrap(), model: "gpt-4o-mini".parse().unwrap() };
        let new = CreateBot {
            id,
            host_id,
            host_labels: Vec::new(),
            tenant_id: self.tenant,
            created_by: UserId(unique()),
            hostname: hostname.parse().unwrap(),
            name: hostname.parse().unwrap(),
            image: image.map(|image| image.parse().unwrap()),
            port: free_port(),
            tags: vec![],
            models: vec![model],
            limits,
        };
        self.bots.ids.lock().unwrap().push(id);
        let new = NewBot { bot: new, setup, token, access: Access::default(), fallbacks: vec![] };
        self.tell(id, BotCommand::CreateWith(Box::new(new))).await;
        id
    }

    pub(crate) async fn tell(&self, bot: BotId, command: BotCommand) {
        self.executor.execute::<Bot>(bot, command, metadata(self.tenant)).await.unwrap();
    }

    pub(crate) async fn started(&self, hostname: &str) -> BotId {
        let bot = self.bot(hostname, None).await;
        self.tell(bot, BotCommand::Start).await;
        bot
    }

    pub(crate) async fn load(&self, bot: BotId) -> DesiredBot {
        fold(&self.executor, bot).await.unwrap().bot
    }

    /// Waits until what was last seen of a bot is so.
    pub(crate) async fn until(
        &self,
        bot: BotId,
        what: &str,
        is_so: impl Fn(&Observation) -> bool,
    ) -> Observation {
        self.wait(what, || async { is_so(&self.load(bot).await.observed) }).await;
        self.load(bot).await.observed
    }

    pub(crate) async fn until_state(&self, bot: BotId, state: BotState) -> Observation {
        self.until(bot, &format!("{state:?}"), |seen| seen.state == state).await
    }

    pub(crate) async fn until_removed(&self, bot: BotId) {
        self.wait("the bot is removed", || async { fold(&self.executor, bot).await.unwrap().removed }).await;
    }

    /// Waits, looking after each commit and every few milliseconds, until something is so.
    pub(crate) async fn wait<F: Future<Output = bool>>(&self, what: &str, mut is_so: impl FnMut() -> F) {
        let mut bell = self.wakeup.listen();
        let end = Instant::now() + LONGEST;
        while !is_so().await {
            let over = Instant::now() > end;
            assert!(!over, "it never came that {what}; what happened: {:#?}", self.history().await);
            bell.wait(Duration::from_millis(20)).await;
        }
    }

    /// All that was reported of all bots.
    pub(crate) async fn history(&self) -> Vec<(BotId, Observation)> {
        let feed = Feed::new(self.database.pool.clone());
        let filter = Filter::Types(&["bot"]);
        let end = Instant::now() + LONGEST;
        let batch = loop {
            let batch = feed.read(Position::START, filter, 10_000).await.unwrap();
            let lag = feed.lag(batch.last().unwrap_or_default(), filter).await.unwrap();
            // Another test's transaction may hold back the feed for a moment.
            if lag.events == 0 || Instant::now() > end {
                break batch;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let observed = batch.events.iter().filter(|event| event.event_type == "bot.observed");
        let decoded =
            observed.map(|event| (event.aggregate_id.parse().unwrap(), event.decode::<BotEvent>().unwrap()));
        decoded
            .filter_map(|(id, event)| match event {
                BotEvent::Observed { observation } => Some((id, observation)),
                _ => None,
            })
            .collect()
    }

    pub(crate) async fn states(&self, bot: BotId) -> Vec<BotState> {
        self.history().await.into_iter().filter(|(id, _)| *id == bot).map(|(_, seen)| seen.state).collect()
    }

    pub(crate) fn state_dir(&self, bot: BotId) -> PathBuf {
        self.data.path().join("bots").join(bot.to_string())
    }
}

impl Running {
    /// Stops the worker, within what is promised.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.tracker.close();
        let ended = tokio::time::timeout(Duration::from_secs(5), self.tracker.wait()).await;
        ended.expect("every task of the worker ends within 5 s");
    }
}

/// A bot's gateway token in these tests, of the form of real ones.
pub(crate) fn token_of(bot: BotId) -> String {
    format!("cp_{:x>43}", bot.0.simple().to_string())
}

#[expect(clippy::disallowed_methods, reason = "an engine may still have the containers of an earlier run")]
fn unique() -> uuid::Uuid {
    uuid::Uuid::now_v7()
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
