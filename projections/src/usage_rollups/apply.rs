//! The fold: a batch is summed up in memory, then added to the tables in two statements.

use crate::{
    projection::{ApplyError, Projection, signed},
    views::View,
};
use async_trait::async_trait;
use chrono::{DurationRound, TimeDelta};
use clawplane_domain::{
    Timestamp,
    usage::{USAGE_STREAM, UsageRecorded},
};
use clawplane_eventstore::{Filter, RecordedEvent};
use sqlx::PgConnection;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Keeps `view_usage_rollups`.
pub(crate) struct UsageRollupsProjection;

/// What a row is of: bot, beginning, vendor, model, key, tenant.
type Group = (Uuid, Timestamp, String, String, Uuid, Uuid);

/// The sums of a row: the eleven columns of counts, in the table's order.
type Sums = [i64; 11];

#[async_trait]
impl Projection for UsageRollupsProjection {
    fn view(&self) -> View {
        View::UsageRollups
    }

    fn version(&self) -> i32 {
        1
    }

    fn streams(&self) -> Filter {
        Filter::Types(&[USAGE_STREAM])
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[RecordedEvent]) -> Result<(), ApplyError> {
        let mut hours = BTreeMap::<Group, Sums>::new();
        for event in events {
            let usage: UsageRecorded = event.decode()?;
            let sums = sums(&usage)?;
            let hour = beginning(usage.at, TimeDelta::hours(1))?;
            let (model, key) = (usage.model.map(String::from), usage.key_id.map(|key| key.0));
            let group = (
                usage.bot_id.0,
                hour,
                String::from(usage.vendor),
                model.unwrap_or_default(),
                key.unwrap_or_default(),
                usage.tenant_id.0,
            );
            add(hours.entry(group).or_default(), &sums)?;
        }
        let mut days = BTreeMap::<Group, Sums>::new();
        for (group, sums) in &hours {
            let mut group = group.clone();
            group.1 = beginning(group.1, TimeDelta::days(1))?;
            add(days.entry(group).or_default(), sums)?;
        }
        store(tx, "usage_hours", &hours).await?;
        store(tx, "usage_days", &days).await
    }
}

fn beginning(at: Timestamp, of: TimeDelta) -> Result<Timestamp, ApplyError> {
    at.duration_trunc(of).map_err(|error| ApplyError::Senseless(format!("{at} is in no hour: {error}")))
}

fn sums(usage: &UsageRecorded) -> Result<Sums, ApplyError> {
    Ok([
        1,
        i64::from(usage.status >= 400),
        signed(usage.tokens.input_tokens)?,
        signed(usage.tokens.cached_input_tokens)?,
        signed(usage.tokens.cache_write_tokens)?,
        signed(usage.tokens.output_tokens)?,
        signed(usage.tokens.reasoning_tokens)?,
        signed(usage.cost_micros.unwrap_or_default())?,
        i64::from(usage.cost_micros.is_none()),
        i64::from(usage.estimated),
        i64::from(usage.interrupted),
    ])
}

fn add(to: &mut Sums, sums: &Sums) -> Result<(), ApplyError> {
    for (total, more) in to.iter_mut().zip(sums) {
        *total =
            total.checked_add(*more).ok_or_else(|| ApplyError::Senseless("a sum overflows".to_owned()))?;
    }
    Ok(())
}

async fn store(tx: &mut PgConnection, table: &str, rows: &BTreeMap<Group, Sums>) -> Result<(), ApplyError> {
    let sql = format!(
        "INSERT INTO {table} AS t (bot_id, at, vendor, model, key_id, tenant_id, requests, errors, input_tokens,
             cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_micros,
             unpriced_requests, estimated, interrupted)
         SELECT * FROM UNNEST($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::uuid[], $6::uuid[],
             $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
             $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[])
         ON CONFLICT (bot_id, at, vendor, model, key_id, tenant_id) DO UPDATE SET
             requests = t.requests + excluded.requests,
             errors = t.errors + excluded.errors,
             input_tokens = t.input_tokens + excluded.input_tokens,
             cached_input_tokens = t.cached_input_tokens + excluded.cached_input_tokens,
             cache_write_tokens = t.cache_write_tokens + excluded.cache_write_tokens,
             output_tokens = t.output_tokens + excluded.output_tokens,
             reasoning_tokens = t.reasoning_tokens + excluded.reasoning_tokens,
             cost_micros = t.cost_micros + excluded.cost_micros,
             unpriced_requests = t.unpriced_requests + excluded.unpriced_requests,
             estimated = t.estimated + excluded.estimated,
             interrupted = t.interrupted + excluded.interrupted"
    );
    let mut query = sqlx::query(&sql)
        .bind(rows.keys().map(|group| group.0).collect::<Vec<_>>())
        .bind(rows.keys().map(|group| group.1).collect::<Vec<_>>())
        .bind(rows.keys().map(|group| group.2.clone()).collect::<Vec<_>>())
        .bind(rows.keys().map(|group| group.3.clone()).collect::<Vec<_>>())
        .bind(rows.keys().map(|group| group.4).collect::<Vec<_>>())
        .bind(rows.keys().map(|group| group.5).collect::<Vec<_>>());
    for column in 0..Sums::default().len() {
        query = query.bind(rows.values().map(|sums| sums[column]).collect::<Vec<_>>());
    }
    query.execute(tx).await?;
    Ok(())
}
