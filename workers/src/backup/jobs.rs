//! What is done for backups, and by whom: one process of the installation, which holds the lock of this work.
//!
//! Level-triggered, as the Docker worker: each pass looks at the read model and begins what is open there. What a process
//! that is gone had begun is cleared away by the next one.

mod archives;
mod clear;
mod desk;
mod make;
mod ports;
mod rest;
mod restore;
mod rounds;

pub use archives::Archives;
pub use ports::{BackedBot, BackupConfig, BackupParts, WantedBackups};

use super::{BackupError, Meter};
use clawplane_domain::{
    BotId,
    backup::{BackupProfile, BackupState, RestoreState},
};
use clawplane_eventstore::{Leader, Progress};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::task::JoinSet;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// The name of the lock.
const WORK: &str = "backups";
/// Time between two tries to be the one that does it.
const TRY_EVERY: Duration = Duration::from_secs(3);
/// Longest time between two passes.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often a job says how far it is.
const TELL_EVERY: Duration = Duration::from_millis(500);
/// What is done at the end of the platform may take so long: bots are let go on.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// Makes, restores, checks and removes backups.
pub struct BackupWorker {
    parts: Arc<BackupParts>,
    /// Names this life of this process in events.
    me: String,
    running: Mutex<BTreeMap<Uuid, Running>>,
}

/// A job under way, by the id of its backup.
struct Running {
    bots: Vec<BotId>,
    meter: Meter,
}

/// What is to be done for a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    Make,
    Restore,
    Check,
    Remove,
}

impl BackupWorker {
    /// Starts it; its tasks are the tracker's and end within 5 s of `shutdown`.
    pub fn start(parts: BackupParts, shutdown: &CancellationToken, tracker: &TaskTracker) {
        let me = parts.ids.uuid().to_string();
        let worker = Arc::new(Self { parts: Arc::new(parts), me, running: Mutex::default() });
        let shutdown = shutdown.clone();
        tracker.spawn(async move {
            while !shutdown.is_cancelled() {
                match Leader::try_become(&worker.parts.pool, WORK).await {
                    Ok(Some(leader)) => worker.lead(leader, &shutdown).await,
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%error, "nobody can be asked who makes the backups"),
                }
                tokio::select! {
                    () = tokio::time::sleep(TRY_EVERY) => {}
                    () = shutdown.cancelled() => {}
                }
            }
        });
    }

    /// Does the work until the lock is lost or the platform stops.
    async fn lead(self: &Arc<Self>, mut leader: Leader, shutdown: &CancellationToken) {
        tracing::info!("this process makes the backups");
        clear::clear_staging(&self.parts.config.staging).await;
        let mut jobs = JoinSet::new();
        let mut bell = self.parts.wakeup.listen();
        while leader.is_still().await {
            self.pass(&mut jobs).await;
            tokio::select! {
                () = bell.wait(LOOK_EVERY) => {}
                () = shutdown.cancelled() => break,
            }
            while jobs.try_join_next().is_some() {}
        }
        let why = match shutdown.is_cancelled() {
            true => "the platform was stopped",
            false => "the database was away",
        };
        self.jobs().values().for_each(|running| running.meter.cancel(why));
        let over = async { while jobs.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_WORDS, over).await.is_err() {
            tracing::warn!("a job for a backup did not end in time; whoever is next clears it away");
        }
        self.jobs().clear();
        leader.resign().await;
    }

    fn jobs(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pass(self: &Arc<Self>, jobs: &mut JoinSet<()>) {
        if let Err(error) = self.rounds().await {
            tracing::warn!(%error, "the schedules of backups cannot be looked at");
        }
        let open = match self.parts.wanted.open().await {
            Ok(open) => open,
            Err(error) => {
                tracing::warn!(%error, "the open backups cannot be read");
                return;
            }
        };
        for backup in open {
            let id = backup.request.id.0;
            if let Some(running) = self.jobs().get(&id) {
                if backup.state == BackupState::Deleted {
                    running.meter.cancel("it was deleted");
                }
                continue;
            }
            let Some(job) = wanted(&backup) else { continue };
            let bots = bots_of(&backup, job);
            let mut running = self.jobs();
            let busy = running.values().any(|other| other.bots.iter().any(|bot| bots.contains(bot)));
            if busy || running.len() >= self.parts.config.concurrency {
                continue;
            }
            let meter = Meter::default();
            running.insert(id, Running { bots, meter: meter.clone() });
            drop(running);
            let worker = Arc::clone(self);
            jobs.spawn(async move { worker.run(backup, job, meter).await });
        }
    }

    async fn run(self: Arc<Self>, backup: BackupProfile, job: Job, meter: Meter) {
        let id = backup.request.id;
        // What the read model said may be old news.
        let now = self.parts.executor.load::<clawplane_domain::backup::Backup>(&id.to_string()).await;
        let now = match now {
            Ok(now) => now.profile.filter(|now| wanted(now) == Some(job)),
            Err(error) => {
                tracing::warn!(backup = %id, %error, "a backup cannot be read");
                None
            }
        };
        if let Some(now) = now {
            let work = self.work(&now, job, &meter);
            let done = tokio::select! {
                done = work => done,
                () = self.tell(id.0, &meter) => Ok(()),
            };
            let _ = self.parts.progress.clear(id.0).await;
            let bot = now.request.bot_id;
            match done {
                Ok(()) => tracing::info!(backup = %id, %bot, ?job, "a job for a backup is over"),
                Err(error) => tracing::warn!(backup = %id, %bot, ?job, %error, "a job for a backup failed"),
            }
        }
        // Long enough for the read model to hear of it: until then it would begin again, and be refused.
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.jobs().remove(&id.0);
    }

    async fn work(&self, now: &BackupProfile, job: Job, meter: &Meter) -> Result<(), BackupError> {
        match job {
            Job::Make if now.state == BackupState::Running => self.clear_broken(now).await,
            Job::Make => self.make(now, meter).await,
            Job::Restore => self.restore(now, meter).await,
            Job::Check => self.check(now, meter).await,
            Job::Remove => self.remove(now).await,
        }
    }

    /// Never ends: tells how far the job is for as long as there is something to tell.
    async fn tell(&self, id: Uuid, meter: &Meter) {
        let mut told = Progress::default();
        loop {
            let (stage, done, total) = meter.read();
            let now = Progress { stage: stage.to_owned(), done, total };
            if now != told && !stage.is_empty() {
                // It is only for who watches.
                let _ = self.parts.progress.set(id, &now).await;
                told = now;
            }
            tokio::time::sleep(TELL_EVERY).await;
        }
    }
}

/// What is open of a backup; `None` when nothing is.
fn wanted(backup: &BackupProfile) -> Option<Job> {
    match backup.state {
        BackupState::Requested | BackupState::Running => Some(Job::Make),
        BackupState::Deleted if backup.removed => None,
        BackupState::Deleted => Some(Job::Remove),
        BackupState::Completed if backup.open_restore().is_some() => Some(Job::Restore),
        BackupState::Completed if backup.verifying => Some(Job::Check),
        BackupState::Completed | BackupState::Failed => None,
    }
}

/// Whose folders a job touches: one job a bot at a time.
fn bots_of(backup: &BackupProfile, job: Job) -> Vec<BotId> {
    match job {
        Job::Make => vec![backup.request.bot_id],
        Job::Restore => backup.open_restore().map(|open| open.request.into).into_iter().collect(),
        Job::Check | Job::Remove => Vec::new(),
    }
}

/// Whether a restore is one that a process had begun.
fn is_begun(state: RestoreState) -> bool {
    matches!(state, RestoreState::Running | RestoreState::Swapped)
}
