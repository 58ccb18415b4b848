//! Reading the names that are taken. They are written with the events: see `append`.

use crate::StoreError;
use clawplane_domain::claim::Scope;
use sqlx::PgPool;
use std::collections::BTreeSet;

/// The claims, for look-ups.
#[derive(Clone, Debug)]
pub struct ClaimTable {
    pool: PgPool,
}

impl ClaimTable {
    /// Over the event database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The id of the aggregate that holds `name`, if any.
    pub async fn holder(&self, scope: Scope, name: &str) -> Result<Option<String>, StoreError> {
        let id = sqlx::query_scalar("SELECT aggregate_id FROM claims WHERE scope = $1 AND name = $2")
            .bind(scope.as_str())
            .bind(name)
            .fetch_optional(&self.pool)
            .await?;
        Ok(id)
    }

    /// The lowest free port from `start` on; `None` when all up to 65535 are taken.
    ///
    /// A proposal only: the append decides, and whoever loses the race asks again.
    pub async fn lowest_free_port(&self, start: u16) -> Result<Option<u16>, StoreError> {
        let taken: Vec<String> = sqlx::query_scalar("SELECT name FROM claims WHERE scope = $1")
            .bind(Scope::BotPort.as_str())
            .fetch_all(&self.pool)
            .await?;
        let taken: BTreeSet<u16> = taken.iter().filter_map(|port| port.parse().ok()).collect();
        Ok((start..=u16::MAX).find(|port| !taken.contains(port)))
    }
}
