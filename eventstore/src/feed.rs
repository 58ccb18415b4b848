//! The feed: all events in one order that every reader sees the same, without gaps.
//!
//! Identity values become visible out of order, so "everything above the last number I saw" skips the event of a
//! slow writer for ever. The feed orders by (transaction id, number) and reads only below the oldest transaction
//! that still runs: nothing can appear behind a reader any more.

use crate::{Payload, Position, StoreError};
use clawplane_domain::{Metadata, TenantId, usage::USAGE_STREAM};
use sqlx::{PgConnection, PgPool, Row, postgres::PgRow, types::Json};
use std::time::Duration;

/// The partition that holds usage and nothing else.
const USAGE_PART: &str = "events_usage";

/// Which streams a reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    All,
    /// Only those of these types.
    Types(&'static [&'static str]),
}

impl Filter {
    /// The tables that hold these streams, each with a condition to be appended to others. The types are constants
    /// of the code, never input.
    ///
    /// Usage has a partition of its own, so nothing is asked about the type there: with such a condition, and no
    /// statistics about a young table, the planner collects and sorts all that is left of the feed for every batch.
    pub(crate) fn parts(self) -> Vec<(&'static str, String)> {
        let Self::Types(types) = self else {
            return vec![("events", String::new())];
        };
        let (usage, others): (Vec<&str>, Vec<&str>) =
            types.iter().copied().partition(|kind| *kind == USAGE_STREAM);
        let mut parts = Vec::with_capacity(2);
        if !usage.is_empty() {
            parts.push((USAGE_PART, String::new()));
        }
        if !others.is_empty() {
            parts.push(("events_default", format!("AND aggregate_type IN ('{}')", others.join("','"))));
        }
        parts
    }
}

/// An event as the feed gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedEvent {
    /// Where it stands in the feed.
    pub position: Position,
    /// Its id for references from outside.
    pub event_id: uuid::Uuid,
    /// Its stream's type.
    pub aggregate_type: String,
    /// Its stream's id.
    pub aggregate_id: String,
    /// Its number in its stream, from 1 without holes.
    pub sequence: u64,
    /// Its name.
    pub event_type: String,
    /// The version of its form.
    pub event_version: String,
    /// The event itself.
    pub payload: Payload,
    /// Whose, by whom, when.
    pub metadata: Metadata,
    /// The tenant, as the database has it.
    pub tenant_id: TenantId,
    /// When the database stored it.
    pub recorded_at: clawplane_domain::Timestamp,
}

impl RecordedEvent {
    /// The payload as an event of the aggregate it came from.
    pub fn decode<E: serde::de::DeserializeOwned>(&self) -> Result<E, StoreError> {
        self.payload.decode().map_err(|error| self.unreadable(&error))
    }

    /// The payload as any JSON.
    pub fn value(&self) -> Result<serde_json::Value, StoreError> {
        self.decode()
    }

    fn unreadable(&self, error: &serde_json::Error) -> StoreError {
        let at = format!("{}/{}/{}", self.aggregate_type, self.aggregate_id, self.sequence);
        StoreError::Unreadable { at, why: error.to_string() }
    }
}

/// What one read gave.
#[derive(Clone, Debug)]
pub struct Batch {
    /// In the feed's order.
    pub events: Vec<RecordedEvent>,
    /// There was nothing more to read at that moment.
    pub exhausted: bool,
}

impl Batch {
    /// The position after this batch.
    pub fn last(&self) -> Option<Position> {
        self.events.last().map(|event| event.position)
    }
}

/// How far behind a reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lag {
    /// Events of its filter that it has not seen.
    pub events: i64,
    /// Age of the oldest of them.
    pub seconds: f64,
}

/// The feed of one event database.
#[derive(Clone, Debug)]
pub struct Feed {
    pool: PgPool,
}

const COLUMNS: &str = "tx_id::text, global_position, event_id, aggregate_type, aggregate_id, sequence, event_type, \
     event_version, payload, metadata, tenant_id, recorded_at";

impl Feed {
    /// Over the event database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// At most `limit` events of `filter` after `after`.
    pub async fn read(&self, after: Position, filter: Filter, limit: u32) -> Result<Batch, StoreError> {
        let mut connection = self.pool.acquire().await?;
        Self::read_in(&mut connection, after, filter, limit).await
    }

    /// As [`Feed::read`], inside a transaction of the caller's.
    ///
    /// That transaction must be `READ COMMITTED`: the horizon is that of the statement.
    pub async fn read_in(
        connection: &mut PgConnection,
        after: Position,
        filter: Filter,
        limit: u32,
    ) -> Result<Batch, StoreError> {
        Self::read_parts(connection, after, filter.parts(), None, limit).await
    }

    /// As [`Feed::read`], without the usage of one stream; and where to read on from, which also passes over that: a
    /// proxy knows its own usage, and under load that is nearly all there is.
    pub async fn read_others(
        &self,
        after: Position,
        filter: Filter,
        own: &str,
        limit: u32,
    ) -> Result<(Batch, Position), StoreError> {
        // Whatever is at or before the head was there to be read after the head was.
        let head = self.head().await?;
        if head <= after {
            return Ok((Batch { events: Vec::new(), exhausted: true }, after));
        }
        let mut parts = filter.parts();
        for (_, condition) in parts.iter_mut().filter(|(table, _)| *table == USAGE_PART) {
            condition.push_str(" AND aggregate_id <> $4");
        }
        let mut connection = self.pool.acquire().await?;
        let batch = Self::read_parts(&mut connection, after, parts, Some(own), limit).await?;
        let last = batch.last().unwrap_or(after);
        let next = if batch.exhausted { last.max(head) } else { last };
        Ok((batch, next))
    }

    async fn read_parts(
        connection: &mut PgConnection,
        after: Position,
        parts: Vec<(&'static str, String)>,
        fourth: Option<&str>,
        limit: u32,
    ) -> Result<Batch, StoreError> {
        // Tables are named in ORDER BY, since a bare `tx_id` there is the text that is selected: 1000 before 999.
        let parts = parts.into_iter().map(|(table, condition)| {
            format!(
                "(SELECT * FROM {table} AS part
                  WHERE (tx_id, global_position) > ($1::text::xid8, $2)
                    AND tx_id < pg_snapshot_xmin(pg_current_snapshot()) {condition}
                  ORDER BY part.tx_id, part.global_position LIMIT $3)"
            )
        });
        let sql = format!(
            "SELECT {COLUMNS} FROM ({}) AS events ORDER BY events.tx_id, events.global_position LIMIT $3",
            parts.collect::<Vec<_>>().join(" UNION ALL ")
        );
        let query = sqlx::query(&sql).bind(after.tx_text()).bind(after.global).bind(i64::from(limit));
        let query = match fourth {
            Some(value) => query.bind(value),
            None => query,
        };
        let rows = query.fetch_all(connection).await?;
        let exhausted = rows.len() < limit as usize;
        let events = rows.iter().map(recorded).collect::<Result<_, _>>()?;
        Ok(Batch { events, exhausted })
    }

    /// The last event that is stable now, or the start where there is none.
    pub async fn head(&self) -> Result<Position, StoreError> {
        let row = sqlx::query(
            "SELECT tx_id::text, global_position FROM events
             WHERE tx_id < pg_snapshot_xmin(pg_current_snapshot())
             ORDER BY events.tx_id DESC, events.global_position DESC LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await?;
        match row {
            Some(row) => Ok(Position::from_row(row.get(0), row.get(1))?),
            None => Ok(Position::START),
        }
    }

    /// How far a reader at `after` is behind. Counts at most 1,000,000 events.
    pub async fn lag(&self, after: Position, filter: Filter) -> Result<Lag, StoreError> {
        let parts = filter.parts().into_iter().map(|(table, condition)| {
            format!(
                "(SELECT recorded_at FROM {table}
                  WHERE (tx_id, global_position) > ($1::text::xid8, $2) {condition} LIMIT 1000000)"
            )
        });
        let sql = format!(
            "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(recorded_at)), 0)::float8
             FROM ({}) AS unseen",
            parts.collect::<Vec<_>>().join(" UNION ALL ")
        );
        let row = sqlx::query(&sql).bind(after.tx_text()).bind(after.global).fetch_one(&self.pool).await?;
        Ok(Lag { events: row.get(0), seconds: row.get(1) })
    }

    /// For how long the oldest writing transaction of the cluster has been running: it holds back the feed for
    /// everybody, so this belongs on a dashboard.
    pub async fn held_back_for(&self) -> Result<Duration, StoreError> {
        let seconds: f64 = sqlx::query_scalar(
            "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0)::float8
             FROM pg_stat_activity WHERE backend_xid IS NOT NULL",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Duration::from_secs_f64(seconds.max(0.0)))
    }
}

fn recorded(row: &PgRow) -> Result<RecordedEvent, StoreError> {
    let (aggregate_type, aggregate_id, sequence): (String, String, i64) =
        (row.try_get(3)?, row.try_get(4)?, row.try_get(5)?);
    let Json(metadata) = row.try_get(9).map_err(|error| StoreError::Unreadable {
        at: format!("{aggregate_type}/{aggregate_id}/{sequence}"),
        why: format!("metadata: {error}"),
    })?;
    Ok(RecordedEvent {
        position: Position::from_row(row.try_get(0)?, row.try_get(1)?)?,
        event_id: row.try_get(2)?,
        aggregate_type,
        aggregate_id,
        sequence: u64::try_from(sequence).map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        event_type: row.try_get(6)?,
        event_version: row.try_get(7)?,
        payload: row.try_get::<Json<_>, _>(8)?.0,
        metadata,
        tenant_id: TenantId(row.try_get(10)?),
        recorded_at: row.try_get(11)?,
    })
}
