//! After a dump was restored into another cluster.

use crate::StoreError;
use sqlx::PgPool;

/// Rewrites the transaction ids of all events to zero, and those of the checkpoints with them.
///
/// A new cluster counts its transactions from the start, so every restored event may bear an id above the present
/// one, and the feed would show none of them. Their order is kept by the global position, as far as it was kept
/// by the old ids: two transactions that overlapped may change places, so read models are to be rebuilt after this
/// (their checkpoints are reset for that). Nothing else may be connected meanwhile.
pub async fn rebase(pool: &PgPool) -> Result<u64, StoreError> {
    let mut tx = pool.begin().await?;
    sqlx::query("ALTER TABLE events DISABLE TRIGGER events_guard_rows").execute(&mut *tx).await?;
    let rewritten = sqlx::query("UPDATE events SET tx_id = '0' WHERE tx_id <> '0'").execute(&mut *tx).await?;
    sqlx::query("ALTER TABLE events ENABLE TRIGGER events_guard_rows").execute(&mut *tx).await?;
    sqlx::query("UPDATE command_keys SET tx_id = '0'").execute(&mut *tx).await?;
    // A projection that starts over empties its read model first: see its runner.
    sqlx::query("DELETE FROM checkpoints").execute(&mut *tx).await?;
    sqlx::query("DELETE FROM projection_sequences").execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(rewritten.rows_affected())
}
