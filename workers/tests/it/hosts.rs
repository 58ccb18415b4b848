//! Several hosts, several workers: who looks after which, and what becomes of bots when one is gone.

use crate::{
    desk::{Desk, IMAGE, Known},
    support::{self, FixedClock, metadata},
};
use async_trait::async_trait;
use clawplane_domain::{
    BotId, HostId,
    bot::{BotCommand, BotState},
    host::{AddHost, Capacity, Host as HostAggregate, HostCommand, HostProfile},
};
use clawplane_eventstore::{Executor, Feed, HostLeases, MasterKey, Position, Tried, Vault};
use clawplane_workers::{
    BoxError, DesiredBot, DesiredBots, Engines, ExecutorReports, FakeRuntime, Holder, Host, HostCatalog,
    HostsWorker, HostsWorkerConfig, HostsWorkerParts, ManyHosts, Runtime, VaultTokens, workspace::Workspaces,
};
use pretty_assertions::assert_eq;
use sqlx::postgres::PgPoolOptions;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// Hosts with their engines, in the place of read model and network.
pub(crate) struct Rack {
    pub(crate) desk: Desk,
    hosts: Mutex<Vec<HostId>>,
    engines: Mutex<BTreeMap<HostId, Arc<dyn Runtime>>>,
}

/// A process with a worker.
pub(crate) struct Process {
    shutdown: CancellationToken,
    tracker: TaskTracker,
    runtime: Option<tokio::runtime::Runtime>,
}

/// What a process sees of it, with connections of its own.
struct Eyes {
    rack: Arc<Rack>,
    executor: Executor,
}

struct BotsOn(Arc<Known>, Executor, HostId);

#[async_trait]
impl DesiredBots for BotsOn {
    async fn present(&self, _at_least: Option<Position>) -> Result<Vec<DesiredBot>, BoxError> {
        let all = self.0.by(&self.1).await;
        Ok(all.into_iter().filter(|bot| bot.placement.hosts().any(|host| host == self.2)).collect())
    }

    async fn config(
        &self,
        bot: BotId,
        tenant: clawplane_domain::TenantId,
        version: u64,
    ) -> Result<Option<String>, BoxError> {
        self.0.config(bot, tenant, version).await
    }
}

#[async_trait]
impl HostCatalog for Eyes {
    async fn hosts(&self) -> Result<Vec<HostProfile>, BoxError> {
        let ids = self.rack.hosts.lock().unwrap().clone();
        let mut hosts = Vec::new();
        for id in ids {
            hosts.extend(profile(&self.executor, id).await.filter(|host| !host.removed));
        }
        Ok(hosts)
    }

    async fn host_of(&self, bot: BotId) -> Result<Option<HostId>, BoxError> {
        let bots = self.rack.desk.bots.by(&self.executor).await;
        Ok(bots.iter().find(|known| known.id == bot).map(|known| known.placement.host))
    }

    fn bots_on(&self, host: HostId) -> Arc<dyn DesiredBots> {
        Arc::new(BotsOn(self.rack.desk.bots.clone(), self.executor.clone(), host))
    }
}

#[async_trait]
impl Engines for Eyes {
    async fn reach(&self, host: &AddHost) -> Result<Arc<Host>, BoxError> {
        let runtime = self.rack.engines.lock().unwrap().get(&host.id).cloned().ok_or("no such engine")?;
        let workspaces = Workspaces::at(&PathBuf::from(host.data_dir.as_str()));
        Ok(Arc::new(Host { runtime, workspaces }))
    }
}

async fn profile(executor: &Executor, id: HostId) -> Option<HostProfile> {
    executor.load::<HostAggregate>(&id.to_string()).await.unwrap().profile
}

impl Rack {
    pub(crate) async fn new() -> Arc<Self> {
        let (hosts, engines) = (Mutex::default(), Mutex::default());
        Arc::new(Self { desk: Desk::new().await, hosts, engines })
    }

    /// A host with this engine and a data folder of its own.
    pub(crate) async fn host(&self, n: u128, runtime: Arc<dyn Runtime>) -> HostId {
        let folder = self.folder(n);
        self.host_in(n, &folder, runtime).await
    }

    pub(crate) fn folder(&self, n: u128) -> PathBuf {
        self.desk.data.path().join(format!("host-{n}"))
    }

    pub(crate) async fn host_in(
        &self,
        n: u128,
        folder: &std::path::Path,
        runtime: Arc<dyn Runtime>,
    ) -> HostId {
        let id = HostId(Uuid::from_u128(n));
        let host = AddHost {
            id,
            name: format!("rack-{n}").parse().unwrap(),
            engine: "unix:///run/test.sock".parse().unwrap(),
            tls: None,
            data_dir: folder.to_str().unwrap().parse().unwrap(),
            labels: vec![],
            capacity: Capacity::default(),
        };
        self.engines.lock().unwrap().insert(id, runtime);
        let add = HostCommand::Add(Box::new(host));
        self.desk.executor.execute::<HostAggregate>(id, add, metadata(self.desk.tenant)).await.unwrap();
        self.hosts.lock().unwrap().push(id);
        id
    }

    pub(crate) async fn profile(&self, id: HostId) -> Option<HostProfile> {
        profile(&self.desk.executor, id).await
    }

    pub(crate) fn config(&self, name: &str) -> HostsWorkerConfig {
        HostsWorkerConfig {
            lease: Duration::from_secs(3),
            stop_before: Duration::from_millis(1500),
            renew_every: Duration::from_millis(200),
            look_every: Duration::from_millis(100),
            lost_after: Duration::from_millis(500),
            abandoned_after: Duration::from_millis(500),
            list_every: Duration::from_millis(100),
            ..HostsWorkerConfig::new(self.desk.config(), Holder::me(name).to_string())
        }
    }

    fn parts(self: &Arc<Self>) -> HostsWorkerParts {
        let desk = &self.desk;
        let own = Arc::new(Host {
            runtime: Arc::new(FakeRuntime::default()),
            workspaces: Workspaces::at(&desk.data.path().join("own")),
        });
        // Connections belong to the runtime that made them.
        let options = desk.database.pool.connect_options().as_ref().clone();
        let pool = PgPoolOptions::new().max_connections(4).connect_lazy_with(options);
        let executor = Executor::new(pool.clone(), desk.wakeup.clone());
        let ids = Arc::new(support::CountingIds::default());
        let vault = Vault::new(pool.clone(), MasterKey::new([7; 32]), ids);
        let eyes = Arc::new(Eyes { rack: self.clone(), executor: executor.clone() });
        HostsWorkerParts {
            hosts: ManyHosts::new(eyes.clone(), eyes, own),
            leases: HostLeases::new(pool.clone()),
            reports: Arc::new(ExecutorReports::new(executor.clone(), Arc::new(FixedClock::default()))),
            tokens: Arc::new(VaultTokens(vault)),
            executor,
            clock: Arc::new(FixedClock::default()),
            feed: Feed::new(pool),
            wakeup: desk.wakeup.clone(),
            nats: None,
        }
    }

    pub(crate) fn work(self: &Arc<Self>, config: HostsWorkerConfig) -> Process {
        let (shutdown, tracker) = (CancellationToken::new(), TaskTracker::new());
        HostsWorker::start(config, self.parts(), &shutdown, &tracker);
        Process { shutdown, tracker, runtime: None }
    }

    /// In a runtime of its own, which can be killed with all that is in it.
    pub(crate) fn work_apart(self: &Arc<Self>, config: HostsWorkerConfig) -> Process {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let inside = runtime.enter();
        let process = self.work(config);
        drop(inside);
        Process { runtime: Some(runtime), ..process }
    }

    /// A bot on `host` that shall run.
    pub(crate) async fn started(&self, hostname: &str, host: HostId) -> BotId {
        let bot = self.desk.bot_on(hostname, host).await;
        self.desk.tell(bot, BotCommand::Start).await;
        bot
    }

    pub(crate) async fn until_lost(&self, host: HostId, lost: bool) {
        let what = format!("the host is lost: {lost}");
        self.desk.wait(&what, || async { self.profile(host).await.unwrap().lost.is_some() == lost }).await;
    }
}

impl Process {
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.tracker.close();
        let ended = tokio::time::timeout(Duration::from_secs(8), self.tracker.wait()).await;
        ended.expect("every task of the worker ends");
        if let Some(runtime) = self.runtime {
            runtime.shutdown_background();
        }
    }

    /// As `kill -9` does: nothing is given back.
    fn kill(self) {
        self.runtime.expect("a process of its own").shutdown_timeout(Duration::from_secs(10));
    }
}

fn fake(net: u8) -> FakeRuntime {
    let fake = FakeRuntime::with_images(&[IMAGE]);
    fake.set_net(net);
    fake
}

fn starts(fake: &FakeRuntime) -> usize {
    fake.calls().iter().filter(|call| call.starts_with("start ")).count()
}

#[tokio::test]
async fn each_host_runs_its_own_bots() {
    let rack = Rack::new().await;
    let (one, two) = (fake(81), fake(82));
    let first = rack.host(1, Arc::new(one.clone())).await;
    let process = rack.work(rack.config("a"));
    let ada = rack.started("ada", first).await;
    rack.desk.until_state(ada, BotState::Running).await;
    // A host that is added while it runs.
    let second = rack.host(2, Arc::new(two.clone())).await;
    let bob = rack.started("bob", second).await;
    rack.desk.until_state(bob, BotState::Running).await;
    assert!(one.container(ada).is_some() && two.container(bob).is_some());
    assert!(one.container(bob).is_none() && two.container(ada).is_none());
    assert!(rack.folder(1).join(ada.to_string()).exists() && rack.folder(2).join(bob.to_string()).exists());
    for (bot, engine) in [(ada, &one), (bob, &two)] {
        rack.desk.tell(bot, BotCommand::Delete).await;
        rack.desk.until_removed(bot).await;
        assert!(engine.container(bot).is_none() && !engine.has_network(bot));
    }
    process.stop().await;
}

#[tokio::test]
async fn two_workers_never_act_at_once_and_the_second_takes_over() {
    let rack = Rack::new().await;
    let engine = fake(83);
    let host = rack.host(1, Arc::new(engine.clone())).await;
    let first = rack.work_apart(rack.config("first"));
    let ada = rack.started("ada", host).await;
    rack.desk.until_state(ada, BotState::Running).await;
    let second = rack.work_apart(rack.config("second"));
    // Something to do for whoever thinks that it leads.
    for _ in 0..3 {
        let before = starts(&engine);
        engine.take_away(ada);
        rack.desk.wait("it is started again", || async { starts(&engine) > before }).await;
        rack.desk.until_state(ada, BotState::Running).await;
        assert_eq!(starts(&engine), before + 1, "one worker acted: {:?}", engine.calls());
    }
    let leases = HostLeases::new(rack.desk.database.pool.clone());
    let me = Holder::me("probe").to_string();
    let Tried::Others { holder } = leases.take(host, &me, Duration::from_secs(1)).await.unwrap() else {
        panic!("nobody leads")
    };
    assert!(holder.ends_with(" first"), "{holder}");
    let killed = Instant::now();
    tokio::task::spawn_blocking(|| first.kill()).await.unwrap();
    engine.take_away(ada);
    let before = starts(&engine);
    rack.desk.wait("the second starts it", || async { starts(&engine) > before }).await;
    assert!(killed.elapsed() >= Duration::from_secs(1), "not while the first could still act");
    rack.desk.until_state(ada, BotState::Running).await;
    rack.desk.tell(ada, BotCommand::Delete).await;
    rack.desk.until_removed(ada).await;
    second.stop().await;
}

#[tokio::test]
async fn a_worker_that_cannot_renew_stops_before_its_lease_ends() {
    let rack = Rack::new().await;
    let engine = fake(84);
    let host = rack.host(1, Arc::new(engine.clone())).await;
    let process = rack.work(rack.config("a"));
    let ada = rack.started("ada", host).await;
    rack.desk.until_state(ada, BotState::Running).await;
    // Nobody can write leases any more; all else goes on.
    let pool = &rack.desk.database.pool;
    let renewed = "SELECT until FROM host_leases WHERE host_id = $1";
    sqlx::query("ALTER TABLE host_leases RENAME TO host_leases_away").execute(pool).await.unwrap();
    let until: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar(&renewed.replace("host_leases", "host_leases_away"))
            .bind(host.0)
            .fetch_one(pool)
            .await
            .unwrap();
    // At its end it does nothing, whatever there is to do.
    let now = "SELECT clock_timestamp() >= $1";
    let pool = pool.clone();
    rack.desk
        .wait("the lease is over", || async {
            sqlx::query_scalar(now).bind(until).fetch_one(&pool).await.unwrap()
        })
        .await;
    let before = engine.calls();
    engine.take_away(ada);
    rack.desk.tell(ada, BotCommand::Stop).await;
    rack.desk.tell(ada, BotCommand::Start).await;
    // Time for several passes, had there been a worker.
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        assert_eq!(engine.calls(), before);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    sqlx::query("ALTER TABLE host_leases_away RENAME TO host_leases").execute(&pool).await.unwrap();
    rack.desk.wait("it leads again", || async { engine.container(ada).is_some() }).await;
    rack.desk.until_state(ada, BotState::Running).await;
    rack.desk.tell(ada, BotCommand::Delete).await;
    rack.desk.until_removed(ada).await;
    process.stop().await;
}

#[tokio::test]
async fn a_silent_host_is_lost_and_found_again() {
    let rack = Rack::new().await;
    let (one, two) = (fake(85), fake(86));
    let first = rack.host(1, Arc::new(one.clone())).await;
    let second = rack.host(2, Arc::new(two.clone())).await;
    let process = rack.work(rack.config("a"));
    let ada = rack.started("ada", first).await;
    rack.desk.until_state(ada, BotState::Running).await;
    one.set_down(Some("somebody pulled the plug"));
    rack.until_lost(first, true).await;
    let lost = rack.profile(first).await.unwrap().lost.unwrap();
    assert_eq!(lost.reason, "somebody pulled the plug");
    // The others go on.
    let bob = rack.started("bob", second).await;
    rack.desk.until_state(bob, BotState::Running).await;
    assert!(rack.profile(second).await.unwrap().lost.is_none());
    one.set_down(None);
    rack.until_lost(first, false).await;
    for bot in [ada, bob] {
        rack.desk.tell(bot, BotCommand::Delete).await;
        rack.desk.until_removed(bot).await;
    }
    process.stop().await;
}

#[tokio::test]
async fn a_host_whose_worker_is_gone_is_lost_too() {
    let rack = Rack::new().await;
    let host = rack.host(1, Arc::new(fake(87))).await;
    let there = rack.work_apart(rack.config("there"));
    rack.desk.wait("it is led", || async { rack.profile(host).await.unwrap().measured.is_some() }).await;
    // This one may not lead it, as where its engine cannot be reached.
    let mut config = rack.config("here");
    config.may_lead = Some(["elsewhere".parse().unwrap()].into());
    let here = rack.work(config.clone());
    tokio::task::spawn_blocking(|| there.kill()).await.unwrap();
    rack.until_lost(host, true).await;
    let reason = rack.profile(host).await.unwrap().lost.unwrap().reason;
    assert!(reason.starts_with("no worker has looked after it"), "{reason}");
    let back = rack.work(rack.config("back"));
    rack.until_lost(host, false).await;
    back.stop().await;
    here.stop().await;
}

/// Leaves a sign in a bot's folder.
fn write(rack: &Rack, n: u128, bot: BotId, text: &str) {
    let folder = rack.folder(n).join(bot.to_string()).join("workspace");
    std::fs::write(folder.join("memory.md"), text).unwrap();
    std::os::unix::fs::symlink("/etc/shadow", folder.join("link")).unwrap();
    std::fs::create_dir(folder.join("inner")).unwrap();
    std::fs::write(folder.join("inner/deep"), "x").unwrap();
}

#[tokio::test]
async fn a_bot_moves_with_its_data() {
    let rack = Rack::new().await;
    let (one, two) = (fake(88), fake(89));
    let first = rack.host(1, Arc::new(one.clone())).await;
    let second = rack.host(2, Arc::new(two.clone())).await;
    let process = rack.work(rack.config("a"));
    let ada = rack.started("ada", first).await;
    rack.desk.until_state(ada, BotState::Running).await;
    rack.desk.wait("both are led", || async { rack.folder(2).join(".clawplane-hosts").exists() }).await;
    write(&rack, 1, ada, "what it knows");
    rack.desk.tell(ada, BotCommand::Move { to: second, abandon: false }).await;
    rack.desk.wait("it is there", || async { two.container(ada).is_some() }).await;
    rack.desk.wait("nothing is left", || async { rack.desk.load(ada).await.placement.left.is_empty() }).await;
    rack.desk.until_state(ada, BotState::Running).await;
    assert!(one.container(ada).is_none() && !one.has_network(ada));
    assert!(!rack.folder(1).join(ada.to_string()).exists());
    let there = rack.folder(2).join(ada.to_string()).join("workspace");
    assert_eq!(std::fs::read_to_string(there.join("memory.md")).unwrap(), "what it knows");
    assert_eq!(std::fs::read_link(there.join("link")).unwrap(), PathBuf::from("/etc/shadow"));
    assert_eq!(std::fs::read_to_string(there.join("inner/deep")).unwrap(), "x");
    let place = rack.desk.load(ada).await.placement;
    assert_eq!((place.host, place.moving), (second, None));
    rack.desk.tell(ada, BotCommand::Delete).await;
    rack.desk.until_removed(ada).await;
    process.stop().await;
}

#[tokio::test]
async fn a_bot_leaves_a_lost_host_when_its_owner_says_so() {
    let rack = Rack::new().await;
    let (one, two) = (fake(90), fake(91));
    let first = rack.host(1, Arc::new(one.clone())).await;
    let second = rack.host(2, Arc::new(two.clone())).await;
    let process = rack.work(rack.config("a"));
    let ada = rack.started("ada", first).await;
    rack.desk.until_state(ada, BotState::Running).await;
    write(&rack, 1, ada, "what it knows");
    one.set_down(Some("gone"));
    rack.until_lost(first, true).await;
    rack.desk.tell(ada, BotCommand::Move { to: second, abandon: true }).await;
    rack.desk.wait("it is there", || async { two.container(ada).is_some() }).await;
    rack.desk.until_state(ada, BotState::Running).await;
    assert!(one.container(ada).is_some(), "nobody can do anything there");
    one.set_down(None);
    rack.desk.wait("nothing is left", || async { rack.desk.load(ada).await.placement.left.is_empty() }).await;
    assert!(one.container(ada).is_none() && !rack.folder(1).join(ada.to_string()).exists());
    let there = rack.folder(2).join(ada.to_string()).join("workspace/memory.md");
    assert_eq!(std::fs::read_to_string(there).unwrap(), "what it knows");
    rack.desk.tell(ada, BotCommand::Delete).await;
    rack.desk.until_removed(ada).await;
    process.stop().await;
}

#[tokio::test]
async fn without_its_data_a_bot_does_not_move_and_can_be_called_back() {
    let rack = Rack::new().await;
    let (one, two) = (fake(92), fake(93));
    let first = rack.host(1, Arc::new(one.clone())).await;
    let second = rack.host(2, Arc::new(two.clone())).await;
    let process = rack.work(rack.config("a"));
    let ada = rack.started("ada", first).await;
    rack.desk.until_state(ada, BotState::Running).await;
    write(&rack, 1, ada, "what it knows");
    // As on a machine that has a folder of the same path, which is another one.
    let mark = rack.folder(1).join(".clawplane-hosts").join(first.to_string());
    std::fs::remove_file(&mark).unwrap();
    rack.desk.tell(ada, BotCommand::Move { to: second, abandon: false }).await;
    let seen = rack.desk.until(ada, "it says why", |seen| seen.state == BotState::Failed).await;
    assert!(seen.reason.unwrap().starts_with("its data cannot be had"));
    assert!(two.container(ada).is_none());
    rack.desk.tell(ada, BotCommand::Move { to: first, abandon: false }).await;
    rack.desk.until_state(ada, BotState::Running).await;
    assert!(one.container(ada).is_some());
    let here = rack.folder(1).join(ada.to_string()).join("workspace/memory.md");
    assert_eq!(std::fs::read_to_string(here).unwrap(), "what it knows");
    rack.desk.tell(ada, BotCommand::Delete).await;
    rack.desk.until_removed(ada).await;
    process.stop().await;
}

#[tokio::test]
async fn hosts_that_share_a_folder_move_nothing() {
    let rack = Rack::new().await;
    let (one, two) = (fake(94), fake(95));
    let folder = rack.folder(1);
    let first = rack.host_in(1, &folder, Arc::new(one.clone())).await;
    let second = rack.host_in(2, &folder, Arc::new(two.clone())).await;
    let process = rack.work(rack.config("a"));
    let ada = rack.started("ada", first).await;
    rack.desk.until_state(ada, BotState::Running).await;
    rack.desk
        .wait("both are led", || async { folder.join(".clawplane-hosts").join(second.to_string()).exists() })
        .await;
    write(&rack, 1, ada, "what it knows");
    rack.desk.tell(ada, BotCommand::Move { to: second, abandon: false }).await;
    rack.desk.wait("it is there", || async { two.container(ada).is_some() }).await;
    rack.desk.wait("nothing is left", || async { rack.desk.load(ada).await.placement.left.is_empty() }).await;
    rack.desk.until_state(ada, BotState::Running).await;
    let here = folder.join(ada.to_string()).join("workspace/memory.md");
    assert_eq!(std::fs::read_to_string(here).unwrap(), "what it knows", "the folder is the other host's too");
    assert!(one.container(ada).is_none());
    rack.desk.tell(ada, BotCommand::Delete).await;
    rack.desk.until_removed(ada).await;
    process.stop().await;
}
