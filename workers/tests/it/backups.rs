//! Backups with real files, a real store and real events, and an engine in memory.

use crate::{
    desk::{Desk, IMAGE, read, token_of},
    support::{CountingIds, FixedClock, metadata},
};
use async_trait::async_trait;
use clawplane_domain::{
    BackupId, BotId, RestoreId, ScheduleId, TenantId, TimeZone, Timestamp, UserId,
    backup::{
        Backup, BackupCommand, BackupProfile, BackupState, BeginRestore, Begun, DeletedBy, Form, MadeOf,
        Quiesce, RequestBackup, RequestRestore, RestoreState,
    },
    backup_schedule::{ActiveSchedule, BackupSchedule, Rule, ScheduleCommand},
    bot::{Bot, BotCommand, BotState, Desired},
    clock::Ids,
};
use clawplane_eventstore::{JobProgress, TokenIssuer};
use clawplane_workers::{
    BoxError, FakeRuntime, Host, OneHost, Runtime,
    backup::{
        Archives, BackedBot, BackupConfig, BackupParts, BackupStore, BackupWorker, LocalStore, WantedBackups,
    },
    runtime::Phase,
    workspace::Workspaces,
};
use futures::TryStreamExt;
use pretty_assertions::assert_eq;
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// The platform around the work on backups.
pub(crate) struct Place {
    pub(crate) desk: Desk,
    pub(crate) fake: FakeRuntime,
    pub(crate) store: Arc<dyn BackupStore>,
    clock: FixedClock,
    ids: CountingIds,
    folder: PathBuf,
}

/// The work on backups, under way.
pub(crate) struct Work {
    shutdown: CancellationToken,
    tracker: TaskTracker,
}

impl Work {
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.tracker.close();
        let ended = tokio::time::timeout(Duration::from_secs(5), self.tracker.wait()).await;
        ended.expect("the work on backups ends within 5 s");
    }
}

/// The read model of these tests: everything folded from its events.
struct FromEvents {
    pool: sqlx::PgPool,
    executor: clawplane_eventstore::Executor,
}

impl FromEvents {
    async fn ids(&self, kind: &str) -> Vec<String> {
        let sql = "SELECT DISTINCT aggregate_id FROM events WHERE aggregate_type = $1 ORDER BY aggregate_id";
        sqlx::query_scalar(sql).bind(kind).fetch_all(&self.pool).await.unwrap()
    }

    async fn backups(&self) -> Vec<BackupProfile> {
        let mut backups = Vec::new();
        for id in self.ids("backup").await {
            backups.extend(self.executor.load::<Backup>(&id).await.unwrap().profile);
        }
        backups
    }
}

#[async_trait]
impl WantedBackups for FromEvents {
    async fn open(&self) -> Result<Vec<BackupProfile>, BoxError> {
        // More than is open: the worker has to see for itself.
        Ok(self.backups().await)
    }

    async fn schedules(&self) -> Result<Vec<(ActiveSchedule, TimeZone)>, BoxError> {
        let mut schedules = Vec::new();
        for id in self.ids("backup_schedule").await {
            let schedule = self.executor.load::<BackupSchedule>(&id).await.unwrap().active;
            schedules.extend(schedule.map(|schedule| (schedule, TimeZone::UTC)));
        }
        Ok(schedules)
    }

    async fn of_schedule(&self, id: ScheduleId) -> Result<Vec<(BackupProfile, Timestamp)>, BoxError> {
        let sql = "SELECT aggregate_id, max(recorded_at) FILTER (WHERE event_type = 'backup.requested')
                   FROM events WHERE aggregate_type = 'backup' GROUP BY 1 ORDER BY 2 DESC";
        let rows: Vec<(String, Timestamp)> = sqlx::query_as(sql).fetch_all(&self.pool).await.unwrap();
        let mut made = Vec::new();
        for (backup, at) in rows {
            let backup = self.executor.load::<Backup>(&backup).await.unwrap().profile.unwrap();
            if backup.request.schedule_id == Some(id) && backup.state != BackupState::Deleted {
                made.push((backup, at));
            }
        }
        Ok(made)
    }

    async fn bots(&self, _: TenantId) -> Result<Vec<BackedBot>, BoxError> {
        let mut bots = Vec::new();
        for id in self.ids("bot").await {
            let bot = self.executor.load::<Bot>(&id).await.unwrap().profile.unwrap();
            let started = bot.observed.state != BotState::Created;
            bots.push(BackedBot {
                id: bot.id,
                hostname: bot.hostname.clone(),
                made_of: MadeOf::from(&bot),
                started,
            });
        }
        Ok(bots)
    }
}

impl Place {
    pub(crate) async fn new() -> Self {
        let desk = Desk::new().await;
        let folder = desk.data.path().join("backups");
        let store = Arc::new(LocalStore::new(&folder).unwrap());
        Self::with(desk, store)
    }

    pub(crate) fn with(desk: Desk, store: Arc<dyn BackupStore>) -> Self {
        let folder = desk.data.path().join("backups");
        Self {
            desk,
            fake: FakeRuntime::with_images(&[IMAGE]),
            store,
            clock: FixedClock::default(),
            ids: CountingIds::default(),
            folder,
        }
    }

    fn staging(&self) -> PathBuf {
        self.folder.join(".unfinished")
    }

    fn workspaces(&self) -> Workspaces {
        Workspaces::new(&self.desk.data.path().join("bots")).unwrap()
    }

    /// Starts the work on backups.
    pub(crate) fn work(&self) -> Work {
        let (database, vault) = (&self.desk.database, self.desk.vault.clone());
        LocalStore::new(&self.staging()).unwrap();
        let host = Host { runtime: Arc::new(self.fake.clone()), workspaces: self.workspaces() };
        let parts = BackupParts {
            config: BackupConfig {
                stop_within: Duration::from_secs(20),
                ..BackupConfig::new(self.staging())
            },
            hosts: Arc::new(OneHost::new(host)),
            store: Arc::clone(&self.store),
            wanted: Arc::new(FromEvents {
                pool: database.pool.clone(),
                executor: self.desk.executor.clone(),
            }),
            executor: self.desk.executor.clone(),
            issuer: TokenIssuer::new(self.desk.executor.clone(), vault.clone(), None),
            vault,
            progress: JobProgress::new(database.pool.clone()),
            pool: database.pool.clone(),
            wakeup: self.desk.wakeup.clone(),
            clock: Arc::new(self.clock.clone()),
            ids: Arc::new(self.ids.clone()),
        };
        let work = Work { shutdown: CancellationToken::new(), tracker: TaskTracker::new() };
        BackupWorker::start(parts, &work.shutdown, &work.tracker);
        work
    }

    pub(crate) async fn tell(&self, backup: BackupId, command: BackupCommand) {
        self.desk.executor.execute::<Backup>(backup, command, metadata(self.desk.tenant)).await.unwrap();
    }

    pub(crate) async fn request(&self, bot: BotId, quiesce: Quiesce) -> BackupId {
        let profile = self.desk.executor.load::<Bot>(&bot.to_string()).await.unwrap().profile.unwrap();
        let id = BackupId(self.ids.uuid());
        let request = RequestBackup {
            id,
            tenant_id: self.desk.tenant,
            bot_id: bot,
            hostname: profile.hostname.clone(),
            made_of: MadeOf::from(&profile),
            quiesce,
            batch_id: None,
            schedule_id: None,
            requested_by: None,
        };
        self.tell(id, BackupCommand::Request(Box::new(request))).await;
        id
    }

    pub(crate) async fn load(&self, id: BackupId) -> BackupProfile {
        self.desk.executor.load::<Backup>(&id.to_string()).await.unwrap().profile.unwrap()
    }

    pub(crate) async fn until(
        &self,
        id: BackupId,
        what: &str,
        is_so: impl Fn(&BackupProfile) -> bool,
    ) -> BackupProfile {
        self.desk.wait(what, || async { is_so(&self.load(id).await) }).await;
        self.load(id).await
    }

    pub(crate) async fn made(&self, bot: BotId) -> BackupProfile {
        let id = self.request(bot, Quiesce::Pause).await;
        let over = |now: &BackupProfile| matches!(now.state, BackupState::Completed | BackupState::Failed);
        let made = self.until(id, "the backup is over", over).await;
        assert_eq!((made.state, &made.reason), (BackupState::Completed, &None));
        made
    }

    async fn restored(&self, id: BackupId, into: BotId) -> BackupProfile {
        let restore_id = RestoreId(self.ids.uuid());
        self.tell(id, BackupCommand::RequestRestore(restore(restore_id, into))).await;
        let over = |now: &BackupProfile| now.open_restore().is_none();
        self.until(id, "the restore is over", over).await
    }

    pub(crate) fn archives(&self) -> Archives {
        Archives { store: Arc::clone(&self.store), vault: self.desk.vault.clone() }
    }

    fn no_leftovers(&self) {
        let names = |folder: &Path| -> Vec<String> {
            let entries = fs::read_dir(folder).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        assert_eq!(names(&self.staging()), [""; 0]);
        let fresh: Vec<_> = names(&self.desk.data.path().join("bots"))
            .into_iter()
            .filter(|name| name.starts_with(".restore-"))
            .collect();
        assert_eq!(fresh, [""; 0]);
    }
}

fn restore(restore_id: RestoreId, into: BotId) -> RequestRestore {
    let hostname = "anna".parse().unwrap();
    RequestRestore { restore_id, into, hostname, start: false, requested_by: UserId(Uuid::nil()) }
}

/// A running bot with a conversation, and things that belong in no backup.
pub(crate) async fn talkative(place: &Place) -> BotId {
    let bot = place.desk.started("anna").await;
    place.desk.until_state(bot, BotState::Running).await;
    let state = place.desk.state_dir(bot);
    fs::create_dir_all(state.join("agents/main/sessions")).unwrap();
    fs::write(state.join("agents/main/sessions/1.jsonl"), "hello\n").unwrap();
    fs::write(state.join("agents/key"), "a secret of its own").unwrap();
    fs::set_permissions(state.join("agents/key"), fs::Permissions::from_mode(0o400)).unwrap();
    symlink("/etc/passwd", state.join("agents/link")).unwrap();
    bot
}

#[tokio::test]
async fn a_bot_gets_back_what_it_was() {
    let place = Place::new().await;
    let running = place.desk.work(place.desk.config(), Arc::new(place.fake.clone()));
    let bot = talkative(&place).await;
    let work = place.work();
    let made = place.made(bot).await;
    let sums = made.sums.clone().unwrap();
    assert_eq!(sums.left_out, 1, "the link");
    let calls = place.fake.calls();
    assert!(calls.iter().any(|call| call.starts_with("pause")), "{calls:?}");
    assert_eq!(place.fake.container(bot).unwrap().seen.phase, Phase::Running, "it goes on");
    let object = place.folder.join(&made.begun.as_ref().unwrap().object);
    let about = fs::metadata(&object).unwrap();
    assert_eq!((about.len(), about.permissions().mode() & 0o777), (sums.size, 0o600));

    // What is in it: everything but the link and the token.
    let plain = download(&place, &made, Form::Plain).await;
    assert_eq!(plain.len() as u64, sums.archive_size);
    let tar = zstd::decode_all(plain.as_slice()).unwrap();
    let text = String::from_utf8_lossy(&tar);
    assert!(text.contains("hello\n") && text.contains("agents/link") && !text.contains("root:"));
    assert!(!text.contains(&token_of(bot)) && text.contains(&format!("cp_{}", "x".repeat(43))));
    assert_eq!(download(&place, &made, Form::Sealed).await, fs::read(&object).unwrap());

    // The bot goes astray, and is brought back.
    let state = place.desk.state_dir(bot);
    fs::write(state.join("agents/main/sessions/1.jsonl"), "nonsense\n").unwrap();
    fs::write(state.join("agents/later"), "").unwrap();
    let done = place.restored(made.request.id, bot).await.restore.unwrap();
    assert_eq!((done.state, done.reason), (RestoreState::Completed, None));
    place
        .desk
        .wait("it runs again", || async {
            place.desk.load(bot).await.observed.state == BotState::Running
                && place.fake.container(bot).is_some_and(|container| container.seen.phase == Phase::Running)
        })
        .await;
    assert_eq!(read(&state.join("agents/main/sessions/1.jsonl")), "hello\n");
    assert!(!state.join("agents/later").exists() && !state.join("agents/link").exists());
    let key = fs::metadata(state.join("agents/key")).unwrap();
    assert_eq!((key.mode() & 0o777, key.uid()), (0o400, place.workspaces().owner().uid));
    let config = read(&state.join("openclaw.json"));
    assert!(!config.contains(&token_of(bot)) && !config.contains("cp_xxxxxxx"), "it has a new token");
    place.desk.wait("nothing is left of it", || async { !state.join(".clawplane-restore").exists() }).await;
    place.no_leftovers();
    work.stop().await;
    running.stop().await;
}

async fn download(place: &Place, backup: &BackupProfile, form: Form) -> Vec<u8> {
    let (size, stream) = place.archives().download(backup, form).await.unwrap();
    let pieces: Vec<_> = stream.try_collect().await.unwrap();
    let bytes = pieces.concat();
    assert_eq!(bytes.len() as u64, size);
    bytes
}

#[tokio::test]
async fn a_bot_can_be_stopped_for_it_and_goes_into_a_new_one() {
    let place = Place::new().await;
    let running = place.desk.work(place.desk.config(), Arc::new(place.fake.clone()));
    let bot = talkative(&place).await;
    let work = place.work();
    let id = place.request(bot, Quiesce::Stop).await;
    place.until(id, "the backup is complete", |now| now.state == BackupState::Completed).await;
    assert!(!place.fake.calls().iter().any(|call| call.starts_with("pause")));
    place.desk.until_state(bot, BotState::Running).await;

    let other = place.desk.bot("anna-2", None).await;
    let done = place.restored(id, other).await.restore.unwrap();
    assert_eq!((done.state, done.was_running), (RestoreState::Completed, false));
    assert_eq!(read(&place.desk.state_dir(other).join("agents/main/sessions/1.jsonl")), "hello\n");
    assert_eq!(place.desk.load(other).await.desired, Desired::Stopped);
    place.desk.tell(other, BotCommand::Start).await;
    place.desk.until_state(other, BotState::Running).await;
    assert!(read(&place.desk.state_dir(other).join("openclaw.json")).contains(&token_of(other)));
    work.stop().await;
    running.stop().await;
}

#[tokio::test]
async fn a_bad_archive_is_noticed_and_changes_nothing() {
    let place = Place::new().await;
    let running = place.desk.work(place.desk.config(), Arc::new(place.fake.clone()));
    let bot = talkative(&place).await;
    let work = place.work();
    let made = place.made(bot).await;
    let id = made.request.id;
    place.tell(id, BackupCommand::Verify).await;
    let checked = place.until(id, "it was checked", |now| now.verified.is_some()).await.verified.unwrap();
    assert_eq!((checked.ok, checked.reason), (true, None));

    let object = place.folder.join(&made.begun.unwrap().object);
    let mut bytes = fs::read(&object).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&object, bytes).unwrap();
    place.tell(id, BackupCommand::Verify).await;
    let bad = |now: &BackupProfile| !now.verifying && now.verified.as_ref().is_some_and(|said| !said.ok);
    place.until(id, "the damage was noticed", bad).await;

    let token = place.desk.load(bot).await.token;
    let state = place.desk.state_dir(bot);
    fs::write(state.join("agents/later"), "stays").unwrap();
    let failed = place.restored(id, bot).await.restore.unwrap();
    assert_eq!(failed.state, RestoreState::Failed);
    assert!(failed.reason.unwrap().contains("does not open"));
    assert_eq!(read(&state.join("agents/later")), "stays");
    assert_eq!(place.desk.load(bot).await.token, token);
    assert!(!place.fake.calls().iter().any(|call| call.starts_with("stop")), "it was not even stopped");
    place.no_leftovers();
    work.stop().await;
    running.stop().await;
}

#[tokio::test]
async fn what_a_process_left_in_the_middle_is_cleared_away() {
    let place = Place::new().await;
    let running = place.desk.work(place.desk.config(), Arc::new(place.fake.clone()));
    let bot = talkative(&place).await;
    let id = place.request(bot, Quiesce::Pause).await;
    let secret = clawplane_domain::Secret::new("00".repeat(32));
    let key = place.desk.vault.seal(&secret, "x").await.unwrap();
    let begun = Begun {
        worker: "somebody who is gone".into(),
        store: "local".into(),
        object: "a/b.cpbk".into(),
        upload: None,
        key: key.clone(),
        was_running: true,
    };
    place.tell(id, BackupCommand::Begin(Box::new(begun))).await;
    fs::create_dir_all(place.staging()).unwrap();
    fs::write(place.staging().join(format!("{id}.cpbk")), "half").unwrap();
    fs::create_dir_all(place.folder.join("a")).unwrap();
    fs::write(place.folder.join("a/b.cpbk"), "an object that nobody knows").unwrap();
    let container = place.fake.container(bot).unwrap().seen.id;
    place.fake.pause(&container).await.unwrap();

    let work = place.work();
    let failed = place.until(id, "it has failed", |now| now.state == BackupState::Failed).await;
    assert!(failed.reason.unwrap().contains("ended in the middle"));
    assert_eq!(place.fake.container(bot).unwrap().seen.phase, Phase::Running, "the bot goes on");
    assert!(!place.folder.join("a/b.cpbk").exists());
    place.no_leftovers();
    assert!(place.desk.vault.open(&key, "x").await.is_err(), "its key is destroyed");
    work.stop().await;
    running.stop().await;
}

#[tokio::test]
async fn a_restore_that_broke_off_is_whole_or_never_was() {
    let place = Place::new().await;
    let running = place.desk.work(place.desk.config(), Arc::new(place.fake.clone()));
    let bot = talkative(&place).await;
    let work = place.work();
    let id = place.made(bot).await.request.id;
    work.stop().await;

    for swapped in [false, true] {
        let restore_id = RestoreId(place.ids.uuid());
        place.tell(id, BackupCommand::RequestRestore(restore(restore_id, bot))).await;
        let begin = BeginRestore { restore_id, worker: "gone".into(), was_running: true };
        place.tell(id, BackupCommand::BeginRestore(begin)).await;
        place.desk.tell(bot, BotCommand::Stop).await;
        place.desk.until_state(bot, BotState::Stopped).await;
        let workspaces = place.workspaces();
        workspaces.fresh(restore_id).unwrap().finish().unwrap();
        if swapped {
            workspaces.swap(bot, restore_id).await.unwrap();
        }
        let work = place.work();
        let over = |now: &BackupProfile| now.open_restore().is_none();
        let now = place.until(id, "it is over", over).await.restore.unwrap();
        let state = place.desk.state_dir(bot);
        let expected = if swapped { RestoreState::Completed } else { RestoreState::Failed };
        assert_eq!(now.state, expected, "{:?}", now.reason);
        assert_eq!(state.join("agents/key").exists(), !swapped);
        place
            .desk
            .wait("the bot is to run again", || async {
                place.desk.load(bot).await.desired == Desired::Running
            })
            .await;
        place.desk.until_state(bot, BotState::Running).await;
        work.stop().await;
        place.no_leftovers();
    }
    running.stop().await;
}

#[tokio::test]
async fn a_deleted_backup_leaves_nothing() {
    let place = Place::new().await;
    let running = place.desk.work(place.desk.config(), Arc::new(place.fake.clone()));
    let bot = talkative(&place).await;
    let work = place.work();
    let made = place.made(bot).await;
    let begun = made.begun.unwrap();
    place.tell(made.request.id, BackupCommand::Delete(DeletedBy::Person)).await;
    place.until(made.request.id, "it is gone", |now| now.removed).await;
    assert!(!place.folder.join(&begun.object).exists());
    let bound_to = clawplane_domain::sealed::bound_to_backup(place.desk.tenant, made.request.id);
    assert!(place.desk.vault.open(&begun.key, &bound_to).await.is_err(), "its key is destroyed");
    work.stop().await;
    running.stop().await;
}

#[tokio::test]
async fn a_schedule_is_served_once_whoever_looks_and_keeps_what_it_says() {
    let place = Place::new().await;
    let running = place.desk.work(place.desk.config(), Arc::new(place.fake.clone()));
    let bot = talkative(&place).await;
    place.desk.bot("never-started", None).await;
    let id = ScheduleId(place.ids.uuid());
    let cron = "0 3 * * *".parse().unwrap();
    let rule = Rule { bot_id: None, cron, quiesce: Quiesce::Pause, keep_last: Some(1), keep_days: None };
    let at = clawplane_domain::clock::Clock::now(&place.clock);
    let set = ScheduleCommand::Set { id, tenant_id: place.desk.tenant, rule, at };
    place.desk.executor.execute::<BackupSchedule>(id, set, metadata(place.desk.tenant)).await.unwrap();

    // Two processes look; only one of them works.
    let (one, two) = (place.work(), place.work());
    let views = FromEvents { pool: place.desk.database.pool.clone(), executor: place.desk.executor.clone() };
    let complete = async |count: usize| {
        place
            .desk
            .wait("the scheduled backups are there", || async {
                let made = views.backups().await;
                made.len() == count
                    && made.iter().all(|backup| {
                        backup.state == BackupState::Completed || backup.state == BackupState::Deleted
                    })
            })
            .await;
    };
    place.clock.advance(Duration::from_hours(24));
    complete(1).await;
    let first = views.backups().await.remove(0);
    assert_eq!((first.request.bot_id, first.request.schedule_id), (bot, Some(id)));
    place.clock.advance(Duration::from_hours(72));
    complete(2).await;
    place.until(first.request.id, "the first one falls out", |now| now.removed).await;
    assert_eq!(first.request.requested_by, None);
    let now = place.desk.executor.load::<BackupSchedule>(&id.to_string()).await.unwrap().active.unwrap();
    assert_eq!(
        now.last_due.unwrap().to_rfc3339(),
        "2026-03-05T03:00:00+00:00",
        "one for all that was missed"
    );
    one.stop().await;
    two.stop().await;
    running.stop().await;
}

#[tokio::test]
async fn a_bot_without_a_folder_and_one_that_is_too_large_say_so() {
    let place = Place::new().await;
    let bot = place.desk.bot("anna", None).await;
    let work = place.work();
    let id = place.request(bot, Quiesce::Pause).await;
    let failed = place.until(id, "it has failed", |now| now.state == BackupState::Failed).await;
    assert!(failed.reason.unwrap().contains("never started"));
    fs::create_dir_all(place.desk.state_dir(bot)).unwrap();
    // 1 TiB that needs no room on the disk.
    fs::File::create(place.desk.state_dir(bot).join("sparse")).unwrap().set_len(1 << 40).unwrap();
    let id = place.request(bot, Quiesce::Pause).await;
    let failed = place.until(id, "it has failed", |now| now.state == BackupState::Failed).await;
    assert!(failed.reason.unwrap().contains("too large"));
    assert!(failed.begun.is_none(), "the bot was left alone");
    work.stop().await;
}
