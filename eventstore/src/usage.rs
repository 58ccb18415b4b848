//! Appending usage: one writer a stream, batches, no decision, no conflict.

use crate::{StoreError, Wakeup};
use clawplane_domain::{
    Actor, Metadata, RequestId,
    usage::{USAGE_RECORDED, USAGE_STREAM, USAGE_VERSION, UsageRecorded},
};
use sqlx::PgPool;

/// What is stored of a stream from some number on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The highest number below; 0 for none.
    pub below: u64,
    /// The numbers, as runs without a hole: the first and the last of each, in order.
    pub runs: Vec<(u64, u64)>,
    /// Those of the requests asked for that are stored.
    pub known: Vec<RequestId>,
}

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

    /// What a stream has from number `from` on, and which of the requests `open` are among it. For the spool's recovery,
    /// which fills the holes of a crash; only what may still be in the spool is looked at.
    pub async fn stored(&self, stream: &str, from: u64, open: &[RequestId]) -> Result<Stored, StoreError> {
        let from = i64::try_from(from).map_err(|error| StoreError::Unstorable(error.to_string()))?;
        let below: Option<i64> = sqlx::query_scalar(
            "SELECT max(sequence) FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence < $3",
        )
        .bind(USAGE_STREAM)
        .bind(stream)
        .bind(from)
        .fetch_one(&self.pool)
        .await?;
        // Numbers in a row have the same distance to their place in the order.
        let runs: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT min(sequence), max(sequence)
             FROM (SELECT sequence, sequence - row_number() OVER (ORDER BY sequence) AS run
                   FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence >= $3) AS numbered
             GROUP BY run ORDER BY 1",
        )
        .bind(USAGE_STREAM)
        .bind(stream)
        .bind(from)
        .fetch_all(&self.pool)
        .await?;
        let known: Vec<uuid::Uuid> = if open.is_empty() {
            Vec::new()
        } else {
            sqlx::query_scalar(
                "SELECT (payload ->> 'requestId')::uuid FROM events
                 WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence >= $3
                   AND (payload ->> 'requestId')::uuid = ANY ($4)",
            )
            .bind(USAGE_STREAM)
            .bind(stream)
            .bind(from)
            .bind(open.iter().map(|id| id.0).collect::<Vec<_>>())
            .fetch_all(&self.pool)
            .await?
        };
        let number = |sequence: i64| u64::try_from(sequence).unwrap_or(0);
        Ok(Stored {
            below: number(below.unwrap_or(0)),
            runs: runs.into_iter().map(|(first, last)| (number(first), number(last))).collect(),
            known: known.into_iter().map(RequestId).collect(),
        })
    }
}
