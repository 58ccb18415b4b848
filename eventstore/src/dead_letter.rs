//! Messages that a worker gave up.

use crate::StoreError;
use sqlx::PgPool;

/// The table of messages that a worker could not handle after all of its tries.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    pool: PgPool,
}

impl DeadLetters {
    /// Over the event database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Buries the event (`stream type`, `stream id`, sequence) for `consumer`. Burying it twice changes nothing.
    pub async fn bury(
        &self,
        consumer: &str,
        event: (&str, &str, u64),
        error: &str,
    ) -> Result<(), StoreError> {
        let sequence = i64::try_from(event.2).map_err(|error| StoreError::Unstorable(error.to_string()))?;
        sqlx::query(
            "INSERT INTO dead_letters (consumer, aggregate_type, aggregate_id, sequence, error)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        )
        .bind(consumer)
        .bind(event.0)
        .bind(event.1)
        .bind(sequence)
        .bind(error)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// How many there are, for metrics.
    pub async fn count(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM dead_letters").fetch_one(&self.pool).await?)
    }
}
