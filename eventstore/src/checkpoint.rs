//! How far the readers of the feed have come.

use crate::{Position, StoreError, feed::Filter};
use sqlx::{PgConnection, PgPool, Row};

/// The checkpoints, each a row with its reader's name.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    pool: PgPool,
}

impl Checkpoints {
    /// Over the event database, or a replica of it for reading only.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// How far `name` has come; the start, when it never wrote one.
    pub async fn get(&self, name: &str) -> Result<Position, StoreError> {
        let row = sqlx::query("SELECT tx_id::text, global_position FROM checkpoints WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.pool)
            .await?;
        match row {
            Some(row) => Ok(Position::from_row(row.get(0), row.get(1))?),
            None => Ok(Position::START),
        }
    }

    /// Locks the row of `name` until the transaction ends, and says how far it has come.
    pub async fn lock(tx: &mut PgConnection, name: &str) -> Result<Position, StoreError> {
        sqlx::query("INSERT INTO checkpoints (name) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(name)
            .execute(&mut *tx)
            .await?;
        let row =
            sqlx::query("SELECT tx_id::text, global_position FROM checkpoints WHERE name = $1 FOR UPDATE")
                .bind(name)
                .fetch_one(&mut *tx)
                .await?;
        Ok(Position::from_row(row.get(0), row.get(1))?)
    }

    /// Moves the row of `name`, in the transaction that wrote what was read up to there.
    pub async fn set(tx: &mut PgConnection, name: &str, position: Position) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO checkpoints (name, tx_id, global_position) VALUES ($1, $2::text::xid8, $3)
             ON CONFLICT (name) DO UPDATE
             SET tx_id = excluded.tx_id, global_position = excluded.global_position, updated_at = clock_timestamp()",
        )
        .bind(name)
        .bind(position.tx_text())
        .bind(position.global)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Moves the row of `name` by itself, for readers whose effect is outside the database (the relay).
    pub async fn store(&self, name: &str, position: Position) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        Self::set(&mut connection, name, position).await
    }

    /// Whether the reader `name` has seen every event of its `filter` up to and including `position`.
    ///
    /// It need not have come that far: a filtered reader does not move over what is not its own. The event
    /// at `position` has to be visible here, else a replica that lags would say yes too early.
    pub async fn has_seen(&self, name: &str, filter: Filter, position: Position) -> Result<bool, StoreError> {
        let unseen = filter.parts().into_iter().map(|(table, condition)| {
            format!(
                "AND NOT EXISTS (SELECT 1 FROM {table}
                     WHERE (tx_id, global_position) > (c.tx_id, c.global_position)
                       AND (tx_id, global_position) <= ($2::text::xid8, $3::bigint) {condition})"
            )
        });
        let sql = format!(
            "WITH c AS (
                 SELECT coalesce(max(tx_id), '0'::xid8) AS tx_id, coalesce(max(global_position), 0) AS global_position
                 FROM checkpoints WHERE name = $1)
             SELECT (c.tx_id, c.global_position) >= ($2::text::xid8, $3::bigint)
                 OR (EXISTS (SELECT 1 FROM events WHERE (tx_id, global_position) = ($2::text::xid8, $3::bigint))
                     {})
             FROM c",
            unseen.collect::<String>()
        );
        let seen = sqlx::query_scalar(&sql)
            .bind(name)
            .bind(position.tx_text())
            .bind(position.global)
            .fetch_one(&self.pool)
            .await?;
        Ok(seen)
    }
}
