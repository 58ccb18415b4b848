//! What the work on backups needs of the rest of the platform.

use crate::{
    BoxError, Hosts,
    backup::{ArchiveLimits, BackupStore},
};
use async_trait::async_trait;
use clawplane_domain::{
    BotId, ScheduleId, TenantId, TimeZone, Timestamp,
    backup::{BackupProfile, MadeOf},
    backup_schedule::ActiveSchedule,
    clock::{Clock, Ids},
    values::Hostname,
};
use clawplane_eventstore::{Executor, JobProgress, TokenIssuer, Vault, Wakeup, database::Pool};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// The read model of backups, as the worker asks it.
#[async_trait]
pub trait WantedBackups: Send + Sync + 'static {
    /// Backups for which somebody has yet to do something, oldest first.
    async fn open(&self) -> Result<Vec<BackupProfile>, BoxError>;
    /// Every rule, with the time zone of its tenant.
    async fn schedules(&self) -> Result<Vec<(ActiveSchedule, TimeZone)>, BoxError>;
    /// What a rule has made and is there, by bot and newest first, with when it was asked for.
    async fn of_schedule(&self, id: ScheduleId) -> Result<Vec<(BackupProfile, Timestamp)>, BoxError>;
    /// The tenant's bots that were not deleted.
    async fn bots(&self, tenant: TenantId) -> Result<Vec<BackedBot>, BoxError>;
}

/// A bot as its backups name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedBot {
    /// Its id.
    pub id: BotId,
    /// Its name in the API.
    pub hostname: Hostname,
    /// What it is made of.
    pub made_of: MadeOf,
    /// Whether it was ever started: else it has no folder.
    pub started: bool,
}

/// How backups are made.
#[derive(Clone, Debug)]
pub struct BackupConfig {
    /// Where archives stand until they are in the store; private to the platform.
    pub staging: PathBuf,
    /// Bounds of an archive.
    pub limits: ArchiveLimits,
    /// Longest time that a bot rests for a backup.
    pub longest_rest: Duration,
    /// Longest wait for a bot to stop.
    pub stop_within: Duration,
    /// Jobs at the same time.
    pub concurrency: usize,
}

impl BackupConfig {
    /// The usual times.
    pub fn new(staging: PathBuf) -> Self {
        Self {
            staging,
            limits: ArchiveLimits::default(),
            longest_rest: Duration::from_mins(15),
            stop_within: Duration::from_mins(1),
            concurrency: 2,
        }
    }
}

/// What the work is done with.
pub struct BackupParts {
    /// How.
    pub config: BackupConfig,
    /// The machines of the bots.
    pub hosts: Arc<dyn Hosts>,
    /// Where backups are kept.
    pub store: Arc<dyn BackupStore>,
    /// What is wanted.
    pub wanted: Arc<dyn WantedBackups>,
    /// Takes the commands.
    pub executor: Executor,
    /// Keeps the archives' keys.
    pub vault: Vault,
    /// Gives restored bots new tokens.
    pub issuer: TokenIssuer,
    /// Tells how far jobs are.
    pub progress: JobProgress,
    /// Decides which process does the work.
    pub pool: Pool,
    /// Rung by this process's own commits.
    pub wakeup: Wakeup,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and chance.
    pub ids: Arc<dyn Ids>,
}
