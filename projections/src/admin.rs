//! What an operator asks of projections: how far they are, and to build one anew.

use crate::{
    projection::Projection,
    rebuild::{self, RebuildError, RebuildReport},
    views::{View, count},
};
use clawplane_eventstore::{Checkpoints, Feed, Position, StoreError};
use sqlx::PgPool;

/// How one projection is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: &'static str,
    /// The version of its code.
    pub version: i32,
    /// How far it has come.
    pub position: Position,
    /// Events that it has not seen, 1,000,000 at most.
    pub lag_events: i64,
    /// Age of the oldest of them.
    pub lag_seconds: f64,
    /// Events that it set aside.
    pub parked: u64,
}

/// An event that a projection set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedEvent {
    /// Its stream and number: `type/id/sequence`.
    pub event: String,
    /// Why.
    pub error: String,
    /// When.
    pub parked_at: clawplane_domain::Timestamp,
}

/// All projections.
pub async fn list(pool: &PgPool) -> Result<Vec<ProjectionStatus>, StoreError> {
    let mut all = Vec::with_capacity(View::ALL.len());
    for view in View::ALL {
        all.push(status(pool, view.projection()).await?);
    }
    Ok(all)
}

/// One projection.
pub(crate) async fn status(
    pool: &PgPool,
    projection: &dyn Projection,
) -> Result<ProjectionStatus, StoreError> {
    let name = projection.view().name();
    let position = Checkpoints::new(pool.clone()).get(name).await?;
    let lag = Feed::new(pool.clone()).lag(position, projection.streams()).await?;
    let parked = sqlx::query("SELECT count(*) FROM parked_events WHERE projection = $1");
    let parked = count(&parked.bind(name).fetch_one(pool).await?, 0)?;
    let version = projection.version();
    Ok(ProjectionStatus { name, version, position, lag_events: lag.events, lag_seconds: lag.seconds, parked })
}

/// The first events that a projection set aside, 1,000 at most.
pub async fn parked(pool: &PgPool, view: View) -> Result<Vec<ParkedEvent>, StoreError> {
    use sqlx::Row;
    let rows = sqlx::query(
        "SELECT aggregate_type || '/' || aggregate_id || '/' || sequence, error, parked_at FROM parked_events
         WHERE projection = $1 ORDER BY tx_id, global_position LIMIT 1000",
    )
    .bind(view.name())
    .fetch_all(pool)
    .await?;
    let parked = rows.iter().map(|row| {
        Ok(ParkedEvent { event: row.try_get(0)?, error: row.try_get(1)?, parked_at: row.try_get(2)? })
    });
    Ok(parked.collect::<Result<_, sqlx::Error>>()?)
}

/// Builds the read model `name` anew beside the live one and puts it in its place, while everything runs on.
///
/// `progress` is told after each batch how many events were folded. Events that were parked are tried again.
pub async fn rebuild(
    pool: &PgPool,
    name: &str,
    progress: impl FnMut(u64) + Send,
) -> Result<RebuildReport, RebuildError> {
    rebuild::run(pool, name.parse()?, progress).await
}
