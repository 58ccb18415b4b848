//! How far long jobs have come: written now and then by who does them, read by who watches, forgotten at their end.

use crate::StoreError;
use sqlx::{PgPool, Row};
use uuid::Uuid;

/// How far a job has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub stage: String,
    /// Bytes that are done.
    pub done: u64,
    /// Bytes there are, as far as they are known; zero when they are not.
    pub total: u64,
}

/// The table of all jobs.
#[derive(Clone, Debug)]
pub struct JobProgress {
    pool: PgPool,
}

impl JobProgress {
    /// Over the event database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// A job has come so far.
    pub async fn set(&self, job: Uuid, progress: &Progress) -> Result<(), StoreError> {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        sqlx::query(
            "INSERT INTO job_progress (job, stage, done, total) VALUES ($1, $2, $3, $4)
             ON CONFLICT (job) DO UPDATE
             SET stage = excluded.stage, done = excluded.done, total = excluded.total, changed_at = now()",
        )
        .bind(job)
        .bind(&progress.stage)
        .bind(signed(progress.done))
        .bind(signed(progress.total))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// How far a job has come; `None` when nobody works on it.
    pub async fn get(&self, job: Uuid) -> Result<Option<Progress>, StoreError> {
        let row = sqlx::query("SELECT stage, done, total FROM job_progress WHERE job = $1")
            .bind(job)
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
        let (done, total) = (unsigned(row.try_get(1)?), unsigned(row.try_get(2)?));
        Ok(Some(Progress { stage: row.try_get(0)?, done, total }))
    }

    /// A job is over.
    pub async fn clear(&self, job: Uuid) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM job_progress WHERE job = $1").bind(job).execute(&self.pool).await?;
        Ok(())
    }
}
