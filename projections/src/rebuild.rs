//! Building a read model anew beside the live one, and putting it in its place.
//!
//! The tables beside it are filled from the start of the feed in batches. At the end the live checkpoint is locked, so
//! that nobody writes to either; what little came meanwhile is folded, and the schemas change names.

use crate::{
    batch::{self, Applied, BatchError},
    schema::{Found, Place, forget},
    views::{UnknownView, View},
};
use clawplane_eventstore::{Batch, Checkpoints, Feed, Position, StoreError};
use sqlx::{Connection, Executor, PgConnection, PgPool};
use std::time::{Duration, Instant};

/// Events of one transaction.
const BATCH: u32 = 5000;

/// Why a read model was not built anew. The live one is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// There is no such projection.
    #[error(transparent)]
    Unknown(#[from] UnknownView),
    /// Somebody else is at it.
    #[error("the projection is being rebuilt already")]
    Running,
    /// The live read model was made by a newer version of this code.
    #[error("the read model belongs to version {0} of the projection, which this program is too old for")]
    Newer(i32),
    /// A batch could not be applied.
    #[error(transparent)]
    Batch(#[from] BatchError),
}

impl From<StoreError> for RebuildError {
    fn from(error: StoreError) -> Self {
        Self::Batch(error.into())
    }
}

impl From<sqlx::Error> for RebuildError {
    fn from(error: sqlx::Error) -> Self {
        Self::Batch(error.into())
    }
}

/// What was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RebuildReport {
    /// The read model.
    pub view: View,
    /// Events that were folded.
    pub events: u64,
    /// Those of them that were set aside.
    pub parked: u64,
    /// Those that were folded while the live projection was held up.
    pub while_held: u64,
    /// How far the read model had come when it was put in place.
    pub position: Position,
    /// From begin to end.
    pub took: Duration,
}

pub(crate) async fn run(
    pool: &PgPool,
    view: View,
    mut progress: impl FnMut(u64) + Send,
) -> Result<RebuildReport, RebuildError> {
    let begun = Instant::now();
    let alone = Alone::take(pool, view).await?;
    let mut report = RebuildReport {
        view,
        events: 0,
        parked: 0,
        while_held: 0,
        position: Position::START,
        took: Duration::ZERO,
    };
    fill(pool, view, &mut report, &mut progress).await?;
    swap(pool, view, &mut report, &mut progress).await?;
    alone.release().await?;
    report.took = begun.elapsed();
    Ok(report)
}

/// Fills new tables up to the end of the feed. The next batch is read while one is folded.
async fn fill(
    pool: &PgPool,
    view: View,
    report: &mut RebuildReport,
    progress: &mut (impl FnMut(u64) + Send),
) -> Result<(), RebuildError> {
    let (place, feed) = (Place::beside(view), Feed::new(pool.clone()));
    let mut tx = pool.begin().await?;
    if let Found::Newer(version) = Place::live(view).enter(&mut tx).await? {
        return Err(RebuildError::Newer(version));
    }
    place.recreate(&mut tx).await?;
    tx.commit().await?;
    let streams = place.projection.streams();
    let mut batch = feed.read(Position::START, streams, BATCH).await?;
    while let Some(last) = batch.last() {
        let next = async {
            if batch.exhausted { Ok(None) } else { feed.read(last, streams, BATCH).await.map(Some) }
        };
        let (applied, next) = tokio::join!(fold(pool, place, &batch), next);
        add(report, &applied?, progress);
        match next? {
            Some(next) => batch = next,
            None => break,
        }
    }
    Ok(())
}

async fn fold(pool: &PgPool, place: Place, batch: &Batch) -> Result<Applied, RebuildError> {
    let mut tx = pool.begin().await?;
    place.enter(&mut tx).await?;
    let applied = whole(&mut tx, place, batch).await?;
    tx.commit().await?;
    Ok(applied)
}

/// All of a batch: with a hole in it there is no rebuild.
async fn whole(tx: &mut PgConnection, place: Place, batch: &Batch) -> Result<Applied, RebuildError> {
    let applied = batch::apply(&mut *tx, place, &batch.events).await?;
    let rest = batch.events.get(usize::try_from(applied.events).unwrap_or(usize::MAX)..).unwrap_or_default();
    if !rest.is_empty() {
        // Says which event is missing.
        batch::apply(tx, place, rest).await?;
    }
    Ok(applied)
}

fn add(report: &mut RebuildReport, applied: &Applied, progress: &mut (impl FnMut(u64) + Send)) {
    report.events += applied.events;
    report.parked += applied.parked;
    report.position = applied.position;
    progress(report.events);
}

/// Folds what came since, with the live projection held, and changes the names.
async fn swap(
    pool: &PgPool,
    view: View,
    report: &mut RebuildReport,
    progress: &mut (impl FnMut(u64) + Send),
) -> Result<(), RebuildError> {
    let (live, place) = (Place::live(view), Place::beside(view));
    let streams = place.projection.streams();
    let mut tx = pool.begin().await?;
    // From here on this transaction has an id, so neither this nor the live projection reads beyond it.
    let held = Checkpoints::lock(&mut tx, &live.name()).await?;
    place.enter(&mut tx).await?;
    loop {
        let batch = Feed::read_in(&mut tx, report.position, streams, BATCH).await?;
        if !batch.events.is_empty() {
            let applied = whole(&mut tx, place, &batch).await?;
            report.while_held += applied.events;
            add(report, &applied, progress);
        }
        if batch.exhausted {
            break;
        }
    }
    // The live one may have moved over events that are not its own.
    report.position = report.position.max(held);
    rename(&mut tx, live, place).await?;
    Checkpoints::set(&mut tx, &live.name(), report.position).await?;
    tx.commit().await?;
    // Not before the commit: nobody shall wait while files are deleted.
    pool.execute(format!("DROP SCHEMA IF EXISTS {}_old CASCADE", live.schema()).as_str()).await?;
    Ok(())
}

async fn rename(tx: &mut PgConnection, live: Place, place: Place) -> Result<(), StoreError> {
    let (schema, beside) = (live.schema(), place.schema());
    let statements = format!(
        "DROP SCHEMA IF EXISTS {schema}_old CASCADE; CREATE SCHEMA IF NOT EXISTS {schema};
         ALTER SCHEMA {schema} RENAME TO {schema}_old; ALTER SCHEMA {beside} RENAME TO {schema};"
    );
    tx.execute(statements.as_str()).await?;
    forget(tx, &live.name()).await?;
    for table in ["projection_sequences", "parked_events"] {
        sqlx::query(&format!("UPDATE {table} SET projection = $1 WHERE projection = $2"))
            .bind(live.name())
            .bind(place.name())
            .execute(&mut *tx)
            .await?;
    }
    sqlx::query("DELETE FROM checkpoints WHERE name = $1").bind(place.name()).execute(tx).await?;
    Ok(())
}

/// The right to rebuild one projection: a lock that ends with its connection, however this process ends.
struct Alone(PgConnection);

impl Alone {
    async fn take(pool: &PgPool, view: View) -> Result<Self, RebuildError> {
        let mut connection = pool.acquire().await?.detach();
        let taken: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended($1, 0))")
            .bind(format!("clawplane rebuild {view}"))
            .fetch_one(&mut connection)
            .await?;
        if taken { Ok(Self(connection)) } else { Err(RebuildError::Running) }
    }

    async fn release(self) -> Result<(), RebuildError> {
        Ok(self.0.close().await?)
    }
}
