//! What can be asked about backups.

use crate::page::{Cursor, Page, QueryError, asked};
use clawplane_domain::{
    BackupId, BatchId, BotId, ScheduleId, TenantId, Timestamp,
    backup::{Backup, BackupProfile},
    backup_schedule::{ActiveSchedule, BackupSchedule},
    values::Hostname,
};
use clawplane_eventstore::StoreError;
use sqlx::{PgPool, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

const LIST: &str = "backups";
const SCHEDULES: &str = "backup_schedules";
const SELECT: &str = "SELECT backup, requested_at, ended_at FROM view_backups.backups";
/// Most open backups that a worker sees at a time; the others come when those are over.
const OPEN: i64 = 1000;
/// Most backups of one rule and bot that are looked at.
const OF_RULE: i64 = 5000;

/// The backups.
#[derive(Clone, Debug)]
pub struct Backups {
    pool: PgPool,
}

/// A backup as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRow {
    /// What the domain knows of it.
    pub backup: BackupProfile,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it was complete, or failed.
    pub ended_at: Option<Timestamp>,
}

/// A rule as it is now.
pub type ScheduleRow = ActiveSchedule;

/// Which backups; what is absent does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupFilter<'a> {
    /// Of this bot.
    pub bot: Option<BotId>,
    /// Of a bot that had this name then.
    pub hostname: Option<&'a Hostname>,
    /// Asked for at once.
    pub batch: Option<BatchId>,
    /// Made by this rule.
    pub schedule: Option<ScheduleId>,
}

impl Backups {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The tenant's backup of this id; deleted ones are not found.
    pub async fn find(&self, tenant: TenantId, id: BackupId) -> Result<Option<BackupRow>, StoreError> {
        let sql = format!("{SELECT} WHERE tenant_id = $1 AND id = $2 AND state <> 'deleted'");
        let row = sqlx::query(&sql).bind(tenant.0).bind(id.0).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(backup).transpose()?)
    }

    /// The tenant's backups, newest first; deleted ones are hidden.
    pub async fn list(
        &self,
        tenant: TenantId,
        filter: BackupFilter<'_>,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<BackupRow>, QueryError> {
        let before: Uuid = match after {
            Some(cursor) => cursor.key(LIST)?,
            None => Uuid::max(),
        };
        let sql = format!(
            "{SELECT} WHERE tenant_id = $1 AND id < $2 AND state <> 'deleted'
               AND ($3::uuid IS NULL OR bot_id = $3) AND ($4::uuid IS NULL OR batch_id = $4)
               AND ($5::uuid IS NULL OR schedule_id = $5)
               AND ($6::text IS NULL OR backup #>> '{{profile,request,hostname}}' = $6)
             ORDER BY id DESC LIMIT $7"
        );
        let rows = sqlx::query(&sql)
            .bind(tenant.0)
            .bind(before)
            .bind(filter.bot.map(|id| id.0))
            .bind(filter.batch.map(|id| id.0))
            .bind(filter.schedule.map(|id| id.0))
            .bind(filter.hostname.map(Hostname::as_str))
            .bind(asked(limit))
            .fetch_all(&self.pool)
            .await?;
        let items = rows.iter().map(backup).collect::<Result<Vec<_>, _>>()?;
        Page::cut(items, limit, LIST, |row| row.backup.request.id)
    }

    /// Every tenant's backups for which somebody has yet to do something, oldest first: for the worker.
    pub async fn open(&self) -> Result<Vec<BackupRow>, StoreError> {
        let sql = format!("{SELECT} WHERE open ORDER BY id LIMIT $1");
        let rows = sqlx::query(&sql).bind(OPEN).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(backup).collect::<Result<_, _>>()?)
    }

    /// What a rule has made, by bot, newest first; deleted ones are hidden. For the worker.
    pub async fn of_schedule(&self, id: ScheduleId) -> Result<Vec<BackupRow>, StoreError> {
        let sql = format!(
            "{SELECT} WHERE schedule_id = $1 AND state <> 'deleted' ORDER BY bot_id, requested_at DESC, id DESC LIMIT $2"
        );
        let rows = sqlx::query(&sql).bind(id.0).bind(OF_RULE).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(backup).collect::<Result<_, _>>()?)
    }

    /// The tenant's rule of this id.
    pub async fn schedule(
        &self,
        tenant: TenantId,
        id: ScheduleId,
    ) -> Result<Option<ScheduleRow>, StoreError> {
        let sql = "SELECT schedule FROM view_backups.schedules WHERE tenant_id = $1 AND id = $2";
        let row = sqlx::query(sql).bind(tenant.0).bind(id.0).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(schedule).transpose()?)
    }

    /// The tenant's rules, in the order of their making.
    pub async fn schedules(
        &self,
        tenant: TenantId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<ScheduleRow>, QueryError> {
        let id: Uuid = match after {
            Some(cursor) => cursor.key(SCHEDULES)?,
            None => Uuid::nil(),
        };
        let sql = "SELECT schedule FROM view_backups.schedules WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3";
        let rows = sqlx::query(sql).bind(tenant.0).bind(id).bind(asked(limit)).fetch_all(&self.pool).await?;
        let items = rows.iter().map(schedule).collect::<Result<Vec<_>, _>>()?;
        Page::cut(items, limit, SCHEDULES, |row| row.id)
    }

    /// Every tenant's rules: for the worker.
    pub async fn all_schedules(&self) -> Result<Vec<ScheduleRow>, StoreError> {
        let rows = sqlx::query("SELECT schedule FROM view_backups.schedules ORDER BY id");
        let rows = rows.fetch_all(&self.pool).await?;
        Ok(rows.iter().map(schedule).collect::<Result<_, _>>()?)
    }
}

fn backup(row: &PgRow) -> Result<BackupRow, sqlx::Error> {
    let Json::<Backup>(folded) = row.try_get("backup")?;
    let backup = folded.profile.ok_or_else(|| sqlx::Error::Decode("a backup without a profile".into()))?;
    Ok(BackupRow { backup, requested_at: row.try_get("requested_at")?, ended_at: row.try_get("ended_at")? })
}

fn schedule(row: &PgRow) -> Result<ScheduleRow, sqlx::Error> {
    let Json::<BackupSchedule>(folded) = row.try_get("schedule")?;
    folded.active.ok_or_else(|| sqlx::Error::Decode("a schedule that says nothing".into()))
}
