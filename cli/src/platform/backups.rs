//! Backups: their store, the worker that makes them, and what the API reads of them.

use super::Parts;
use crate::config::Config;
use anyhow::Context;
use async_trait::async_trait;
use clawplane_api::{Archive, BackupArchives};
use clawplane_domain::{
    ScheduleId, TenantId, TimeZone, Timestamp,
    backup::{BackupProfile, Form, MadeOf},
    backup_schedule::ActiveSchedule,
    bot::BotState,
};
use clawplane_eventstore::JobProgress;
use clawplane_projections::Views;
use clawplane_workers::{
    BoxError, Hosts,
    backup::{
        Archives, BackedBot, BackupConfig, BackupParts, BackupStore, BackupWorker, LocalStore, S3Store,
        WantedBackups,
    },
};
use futures::StreamExt;
use std::{collections::BTreeMap, sync::Arc};

/// Bots that are read at a time.
const PAGE: u32 = 200;
/// Archives on their way to a bucket stand here, in the folder for backups.
const STAGING: &str = ".unfinished";

/// Where backups are kept.
pub(super) fn store(config: &Config) -> anyhow::Result<Arc<dyn BackupStore>> {
    Ok(match &config.backup_s3 {
        Some(s3) => Arc::new(S3Store::new(s3).context("the bucket for backups cannot be used")?),
        None => {
            let local = LocalStore::new(&config.backup_dir);
            Arc::new(local.context("the folder for backups cannot be made")?)
        }
    })
}

/// What the API reads.
pub(super) fn archives(parts: &Parts, store: Arc<dyn BackupStore>) -> Arc<dyn BackupArchives> {
    Arc::new(OwnArchives(Archives { store, vault: parts.vault.clone() }))
}

/// Starts the worker.
pub(super) fn start(
    parts: &Parts,
    config: &Config,
    hosts: Arc<dyn Hosts>,
    store: Arc<dyn BackupStore>,
) -> anyhow::Result<()> {
    let staging = config.backup_dir.join(STAGING);
    LocalStore::new(&staging).context("the folder for unfinished backups cannot be made")?;
    let worker = BackupParts {
        config: BackupConfig::new(staging),
        hosts,
        store,
        wanted: Arc::new(BackupViews(parts.views.clone())),
        executor: parts.executor.clone(),
        vault: parts.vault.clone(),
        issuer: parts.issuer(config),
        progress: JobProgress::new(parts.pool.clone()),
        pool: parts.pool.clone(),
        wakeup: parts.wakeup.clone(),
        clock: parts.clock.clone(),
        ids: parts.ids.clone(),
    };
    BackupWorker::start(worker, &parts.background, &parts.background_tasks);
    Ok(())
}

struct OwnArchives(Archives);

#[async_trait]
impl BackupArchives for OwnArchives {
    async fn open(&self, backup: &BackupProfile, form: Form) -> Result<Archive, String> {
        let opened = self.0.download(backup, form).await;
        let (size, stream) = opened.map_err(|error| error.to_string())?;
        Ok(Archive { size, stream: stream.boxed() })
    }
}

/// The read model of backups, for the worker.
struct BackupViews(Views);

#[async_trait]
impl WantedBackups for BackupViews {
    async fn open(&self) -> Result<Vec<BackupProfile>, BoxError> {
        let rows = self.0.backups.open().await?;
        Ok(rows.into_iter().map(|row| row.backup).collect())
    }

    async fn schedules(&self) -> Result<Vec<(ActiveSchedule, TimeZone)>, BoxError> {
        let mut zones = BTreeMap::<TenantId, TimeZone>::new();
        let mut schedules = Vec::new();
        for schedule in self.0.backups.all_schedules().await? {
            let zone = match zones.get(&schedule.tenant_id) {
                Some(zone) => *zone,
                None => {
                    let tenant = self.0.bots.tenant(schedule.tenant_id).await?;
                    tenant.map_or(TimeZone::UTC, |tenant| tenant.time_zone)
                }
            };
            zones.insert(schedule.tenant_id, zone);
            schedules.push((schedule, zone));
        }
        Ok(schedules)
    }

    async fn of_schedule(&self, id: ScheduleId) -> Result<Vec<(BackupProfile, Timestamp)>, BoxError> {
        let rows = self.0.backups.of_schedule(id).await?;
        Ok(rows.into_iter().map(|row| (row.backup, row.requested_at)).collect())
    }

    async fn bots(&self, tenant: TenantId) -> Result<Vec<BackedBot>, BoxError> {
        let (mut bots, mut after) = (Vec::new(), None);
        loop {
            let page = self.0.bots.list(tenant, after, PAGE).await?;
            bots.extend(page.items.into_iter().map(|bot| BackedBot {
                id: bot.id,
                hostname: bot.hostname,
                made_of: MadeOf {
                    name: bot.name,
                    image: bot.image,
                    tags: bot.tags,
                    models: bot.models,
                    limits: bot.limits,
                    access: bot.access,
                    fallbacks: bot.fallbacks,
                    features: bot.life.features,
                    environment: bot.life.environment,
                },
                started: bot.observed.state != BotState::Created,
            }));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(bots),
            }
        }
    }
}
