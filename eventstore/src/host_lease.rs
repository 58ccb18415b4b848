//! Leases on hosts: of all worker processes one acts on a host.
//!
//! Time is the database's alone. A holder goes by its own clock only for how long ago it *asked*: the lease cannot
//! have begun before that, so whoever stops acting by then has stopped before anybody else begins.

use crate::StoreError;
use clawplane_domain::HostId;
use sqlx::{PgPool, Row};
use std::time::Duration;

/// The leases.
#[derive(Clone, Debug)]
pub struct HostLeases {
    pool: PgPool,
}

/// What became of a try to take a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is the asker's, for as long as it asked from the moment at which it asked.
    Mine {
        /// Counted up with every change of hands.
        term: u64,
    },
    /// Somebody else has it.
    Others {
        /// Who.
        holder: String,
    },
}

impl HostLeases {
    /// Over the event database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Takes or renews the lease on `host` for `ttl`, unless somebody else has it.
    pub async fn take(&self, host: HostId, holder: &str, ttl: Duration) -> Result<Tried, StoreError> {
        self.take_after(host, holder, ttl, None).await
    }

    /// As [`HostLeases::take`], also from `dead`, who surely does nothing any more.
    pub async fn take_after(
        &self,
        host: HostId,
        holder: &str,
        ttl: Duration,
        dead: Option<&str>,
    ) -> Result<Tried, StoreError> {
        // One statement: of two that come at once, the second sees what the first wrote.
        let row = sqlx::query(
            "INSERT INTO host_leases AS l (host_id, holder, term, until)
             VALUES ($1, $2, 1, clock_timestamp() + make_interval(secs => $3))
             ON CONFLICT (host_id) DO UPDATE
             SET holder = excluded.holder, until = excluded.until,
                 term = CASE WHEN l.holder = excluded.holder THEN l.term ELSE l.term + 1 END
             WHERE l.holder = excluded.holder OR l.holder = $4 OR l.until <= clock_timestamp()
             RETURNING term",
        )
        .bind(host.0)
        .bind(holder)
        .bind(ttl.as_secs_f64())
        .bind(dead)
        .fetch_optional(&self.pool)
        .await?;
        if let Some(row) = row {
            let term: i64 = row.try_get(0)?;
            return Ok(Tried::Mine { term: u64::try_from(term).unwrap_or_default() });
        }
        let present = sqlx::query_scalar("SELECT holder FROM host_leases WHERE host_id = $1");
        let holder: Option<String> = present.bind(host.0).fetch_optional(&self.pool).await?;
        Ok(Tried::Others { holder: holder.unwrap_or_default() })
    }

    /// Gives a lease back. Somebody else's stays.
    pub async fn release(&self, host: HostId, holder: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE host_leases SET until = clock_timestamp() WHERE host_id = $1 AND holder = $2")
            .bind(host.0)
            .bind(holder)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// For how long nobody has had the lease on `host`; `None` while somebody has it, or when nobody ever had.
    pub async fn abandoned_for(&self, host: HostId) -> Result<Option<Duration>, StoreError> {
        let seconds: Option<f64> = sqlx::query_scalar(
            "SELECT extract(epoch FROM clock_timestamp() - until)::float8 FROM host_leases
             WHERE host_id = $1 AND until <= clock_timestamp()",
        )
        .bind(host.0)
        .fetch_optional(&self.pool)
        .await?;
        Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
    }
}
