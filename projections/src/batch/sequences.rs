//! The proof that nothing is missing: each stream's events come with the numbers 1, 2, 3, ...
//!
//! Streams of usage are the exception. Their numbers are given by a proxy and not by the database, and one that was
//! killed, or whose disk was full for a while, hands in some of them late. Every usage event stands for itself, so
//! there a number that is skipped is told and counted, but stops nothing.

use super::BatchError;
use clawplane_domain::usage::USAGE_STREAM;
use clawplane_eventstore::{RecordedEvent, StoreError};
use sqlx::{PgConnection, Row};
use std::collections::HashMap;

/// The outcome of the check: how many events may be applied, and where their streams stand then.
pub(crate) struct Sequences {
    unbroken: usize,
    hole: Option<BatchError>,
    /// Numbers of usage that have not come so far.
    skipped: u64,
    last: HashMap<(String, String), u64>,
}

/// Compares the events' numbers with what `name` has seen of their streams.
pub(crate) async fn check(
    tx: &mut PgConnection,
    name: &str,
    events: &[RecordedEvent],
) -> Result<Sequences, StoreError> {
    let seen = load(tx, name, events).await?;
    Ok(compare(seen, events))
}

fn compare(seen: HashMap<(String, String), u64>, events: &[RecordedEvent]) -> Sequences {
    let mut found = Sequences { unbroken: 0, hole: None, skipped: 0, last: seen };
    for event in events {
        let stream = (event.aggregate_type.clone(), event.aggregate_id.clone());
        let last = found.last.entry(stream).or_insert(0);
        if event.aggregate_type == USAGE_STREAM {
            found.skipped += event.sequence.saturating_sub(*last + 1);
            *last = event.sequence.max(*last);
            found.unbroken += 1;
            continue;
        }
        if event.sequence != *last + 1 {
            found.hole = Some(BatchError::Hole {
                stream: format!("{}/{}", event.aggregate_type, event.aggregate_id),
                expected: *last + 1,
                found: event.sequence,
            });
            break;
        }
        *last = event.sequence;
        found.unbroken += 1;
    }
    found
}

impl Sequences {
    /// The events before the first hole; an error when it is the very first event that should not be next.
    pub(crate) fn unbroken<'a>(
        &self,
        events: &'a [RecordedEvent],
    ) -> Result<&'a [RecordedEvent], BatchError> {
        match &self.hole {
            Some(BatchError::Hole { stream, expected, found }) if self.unbroken == 0 => {
                Err(BatchError::Hole { stream: stream.clone(), expected: *expected, found: *found })
            }
            _ => Ok(events.get(..self.unbroken).unwrap_or(events)),
        }
    }

    /// Remembers where the streams stand.
    pub(crate) async fn store(&self, tx: &mut PgConnection, name: &str) -> Result<(), StoreError> {
        if self.skipped > 0 {
            tracing::warn!(
                projection = name,
                skipped = self.skipped,
                "numbers of usage are missing or come late"
            );
            metrics::counter!("clawplane_projection_skipped_usage_total", "projection" => name.to_owned())
                .increment(self.skipped);
        }
        let known = self.last.iter().filter(|(_, sequence)| **sequence > 0);
        let mut rows =
            known.map(|((kind, id), sequence)| (kind.as_str(), id.as_str(), *sequence)).collect::<Vec<_>>();
        rows.sort_unstable();
        let numbers = rows.iter().map(|row| i64::try_from(row.2)).collect::<Result<Vec<_>, _>>();
        sqlx::query(
            "INSERT INTO projection_sequences (projection, aggregate_type, aggregate_id, sequence)
             SELECT $1, * FROM UNNEST($2::text[], $3::text[], $4::bigint[])
             ON CONFLICT (projection, aggregate_type, aggregate_id) DO UPDATE SET sequence = excluded.sequence",
        )
        .bind(name)
        .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
        .bind(numbers.map_err(|error| StoreError::Unstorable(error.to_string()))?)
        .execute(tx)
        .await?;
        Ok(())
    }
}

async fn load(
    tx: &mut PgConnection,
    name: &str,
    events: &[RecordedEvent],
) -> Result<HashMap<(String, String), u64>, StoreError> {
    let mut streams: Vec<_> =
        events.iter().map(|e| (e.aggregate_type.as_str(), e.aggregate_id.as_str())).collect();
    streams.sort_unstable();
    streams.dedup();
    let rows = sqlx::query(
        "SELECT aggregate_type, aggregate_id, sequence FROM projection_sequences
         JOIN UNNEST($2::text[], $3::text[]) AS wanted (aggregate_type, aggregate_id)
              USING (aggregate_type, aggregate_id)
         WHERE projection = $1",
    )
    .bind(name)
    .bind(streams.iter().map(|stream| stream.0).collect::<Vec<_>>())
    .bind(streams.iter().map(|stream| stream.1).collect::<Vec<_>>())
    .fetch_all(tx)
    .await?;
    let mut seen = HashMap::with_capacity(rows.len());
    for row in rows {
        seen.insert((row.try_get(0)?, row.try_get(1)?), crate::views::count(&row, 2)?);
    }
    Ok(seen)
}
