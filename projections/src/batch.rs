//! One batch of events into one read model, in a transaction of the caller's: check, fold, park, move the checkpoint.

mod sequences;

use crate::{projection::ApplyError, schema::Place};
use clawplane_eventstore::{Checkpoints, Position, RecordedEvent, StoreError};
use sqlx::{Connection, PgConnection};

/// Why a batch was not applied. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The feed lacks an event of a stream: going on would make the read model wrong without anybody knowing.
    #[error("stream {stream}: event {expected} should be next, {found} came")]
    Hole {
        /// The stream, as `type/id`.
        stream: String,
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// The database or the way to it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database refused a whole batch for a reason that is no event's.
    #[error("the read model could not be changed")]
    Apply(#[source] ApplyError),
}

impl From<sqlx::Error> for BatchError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What came of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Applied {
    /// Events that are seen now, the parked ones included. Fewer than the batch had when a hole follows them.
    pub(crate) events: u64,
    /// Those that were set aside.
    pub(crate) parked: u64,
    /// The last one that is seen.
    pub(crate) position: Position,
}

/// Applies what of `events` comes before the first hole. The caller has locked the checkpoint and entered the place.
pub(crate) async fn apply(
    tx: &mut PgConnection,
    place: Place,
    events: &[RecordedEvent],
) -> Result<Applied, BatchError> {
    let name = place.name();
    let sequences = sequences::check(tx, &name, events).await?;
    let events = sequences.unbroken(events)?;
    let Some(last) = events.last() else { return Ok(Applied::default()) };
    let parked = fold(tx, place, events).await?;
    sequences.store(tx, &name).await?;
    Checkpoints::set(tx, &name, last.position).await?;
    Ok(Applied { events: events.len() as u64, parked, position: last.position })
}

/// All at once; where that fails for the reason of one of them, one by one. The number of parked ones.
async fn fold(tx: &mut PgConnection, place: Place, events: &[RecordedEvent]) -> Result<u64, BatchError> {
    if attempt(tx, place, events).await?.is_ok() {
        return Ok(0);
    }
    let mut parked = 0;
    for event in events {
        if let Err(poison) = attempt(tx, place, std::slice::from_ref(event)).await? {
            park(tx, &place.name(), event, &poison).await?;
            parked += 1;
        }
    }
    Ok(parked)
}

/// Under a savepoint. The inner error is an event's own fault, and nothing of these events is left then.
async fn attempt(
    tx: &mut PgConnection,
    place: Place,
    events: &[RecordedEvent],
) -> Result<Result<(), ApplyError>, BatchError> {
    let mut savepoint = tx.begin().await?;
    match place.projection.apply(&mut savepoint, events).await {
        Ok(()) => {
            savepoint.commit().await?;
            Ok(Ok(()))
        }
        Err(error) if error.is_poison() => {
            savepoint.rollback().await?;
            Ok(Err(error))
        }
        Err(ApplyError::Store(error)) => Err(error.into()),
        Err(error) => Err(BatchError::Apply(error)),
    }
}

async fn park(
    tx: &mut PgConnection,
    name: &str,
    event: &RecordedEvent,
    why: &ApplyError,
) -> Result<(), BatchError> {
    let why = why.in_words();
    tracing::error!(
        projection = name,
        stream = format_args!("{}/{}", event.aggregate_type, event.aggregate_id),
        sequence = event.sequence,
        error = why,
        "event parked"
    );
    let sequence =
        i64::try_from(event.sequence).map_err(|error| StoreError::Unstorable(error.to_string()))?;
    sqlx::query(
        "INSERT INTO parked_events (projection, tx_id, global_position, aggregate_type, aggregate_id, sequence, error)
         VALUES ($1, $2::text::xid8, $3, $4, $5, $6, $7)
         ON CONFLICT (projection, global_position) DO UPDATE SET error = excluded.error",
    )
    .bind(name)
    .bind(event.position.tx_id.to_string())
    .bind(event.position.global)
    .bind(&event.aggregate_type)
    .bind(&event.aggregate_id)
    .bind(sequence)
    .bind(why)
    .execute(tx)
    .await?;
    Ok(())
}
