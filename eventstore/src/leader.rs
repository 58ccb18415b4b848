//! One of several processes: whoever holds an advisory lock of the database's, on a connection of its own.
//!
//! The database gives it back when the process or the way to it ends; a leader therefore has to ask now and then whether
//! it still is one. (A pooler between us and Postgres must keep sessions apart for this.)

use crate::StoreError;
use sqlx::{Connection, PgConnection, PgPool};
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for the database to say that it is still there.
const ANSWER: Duration = Duration::from_secs(5);

/// Being the one, for as long as this lives.
#[derive(Debug)]
pub struct Leader {
    connection: PgConnection,
}

impl Leader {
    /// `None` while another process is the one that does `work`.
    pub async fn try_become(pool: &PgPool, work: &str) -> Result<Option<Self>, StoreError> {
        let mut connection = pool.acquire().await?.detach();
        let sql = "SELECT pg_try_advisory_lock(hashtextextended('clawplane/' || $1, 0))";
        let got: bool = sqlx::query_scalar(sql).bind(work).fetch_one(&mut connection).await?;
        if got {
            return Ok(Some(Self { connection }));
        }
        connection.close().await?;
        Ok(None)
    }

    /// Whether it still is.
    pub async fn is_still(&mut self) -> bool {
        matches!(timeout(ANSWER, self.connection.ping()).await, Ok(Ok(())))
    }

    /// Lets another one.
    pub async fn resign(self) {
        // The lock ends with the connection either way.
        let _ = timeout(ANSWER, self.connection.close()).await;
    }
}
