//! Appending usage: one writer a stream, batches, no decision, no conflict.

use crate::{StoreError, Wakeup};
use clawplane_domain::{
    Actor, Metadata,
    usage::{USAGE_RECORDED, USAGE_STREAM, USAGE_VERSION, UsageRecorded},
};
use sqlx::PgPool;

/// Appends usage. The primary key is the idempotency key: a batch that is sent twice is stored once.
#[derive(Clone, Debug)]
pub struct UsageAppender {
    pool: PgPool,
    wakeup: Wakeup,
}

impl UsageAppender {
    /// Over the event database; rings `wakeup` after each commit.
    pub fn new(pool: PgPool, wakeup: Wakeup) -> Self {
        Self { pool, wakeup }
    }

    /// Appends records with their numbers in the stream, in one statement. 500 to 1000 at once are best.
    pub async fn append(&self, stream: &str, records: &[(u64, UsageRecorded)]) -> Result<(), StoreError> {
        let mut sequences = Vec::with_capacity(records.len());
        let mut payloads = Vec::with_capacity(records.len());
        let mut metadata = Vec::with_capacity(records.len());
        for (sequence, record) in records {
            sequences
                .push(i64::try_from(*sequence).map_err(|error| StoreError::Unstorable(error.to_string()))?);
            payloads.push(sqlx::types::Json(record));
            metadata.push(sqlx::types::Json(Metadata {
                tenant_id: record.tenant_id,
                actor: Actor::system("proxy"),
                at: record.at,
                request_id: Some(record.request_id),
                causation: None,
            }));
        }
        sqlx::query(
            "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
             SELECT $1, $2, sequence, $3, $4, payload, metadata
             FROM UNNEST($5::bigint[], $6::jsonb[], $7::jsonb[]) AS batch (sequence, payload, metadata)
             ON CONFLICT DO NOTHING",
        )
        .bind(USAGE_STREAM)
        .bind(stream)
        .bind(USAGE_RECORDED)
        .bind(USAGE_VERSION)
        .bind(sequences)
        .bind(payloads)
        .bind(metadata)
        .execute(&self.pool)
        .await?;
        self.wakeup.ring();
        Ok(())
    }

    /// The numbers that a stream has, in order. For the spool's recovery, which fills the holes of a crash.
    pub async fn sequences(&self, stream: &str) -> Result<Vec<u64>, StoreError> {
        let stored: Vec<i64> = sqlx::query_scalar(
            "SELECT sequence FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 ORDER BY sequence",
        )
        .bind(USAGE_STREAM)
        .bind(stream)
        .fetch_all(&self.pool)
        .await?;
        Ok(stored.into_iter().filter_map(|sequence| u64::try_from(sequence).ok()).collect())
    }
}
