//! The way to Postgres, and its schema.

use crate::StoreError;
pub use sqlx::PgPool as Pool;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::time::Duration;

/// The migrations of the whole platform but for the read models, which carry their own.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// Opens a pool of at most `connections`.
///
/// A transaction that stays open holds back the feed for everybody, so sessions that idle inside one are
/// ended by the server after 30 s.
pub async fn connect(url: &str, connections: u32) -> Result<PgPool, StoreError> {
    let options: PgConnectOptions = url.parse()?;
    let options = options
        .application_name("clawplane")
        .options([("idle_in_transaction_session_timeout", "30s"), ("client_min_messages", "warning")]);
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Brings the schema up to date. Safe to run by several processes at once.
pub async fn migrate(pool: &PgPool) -> Result<(), StoreError> {
    MIGRATOR.run(pool).await?;
    Ok(())
}

/// The server's version, as it says it.
pub async fn version(pool: &PgPool) -> Result<String, StoreError> {
    Ok(sqlx::query_scalar("SHOW server_version").fetch_one(pool).await?)
}

/// The id of the installation that this database belongs to, made with its schema.
pub async fn installation(pool: &PgPool) -> Result<uuid::Uuid, StoreError> {
    Ok(sqlx::query_scalar("SELECT id FROM installation").fetch_one(pool).await?)
}
