//! The fold: a batch of usage becomes one insert.

use crate::{
    projection::{ApplyError, Projection, signed},
    views::View,
};
use async_trait::async_trait;
use clawplane_domain::usage::{USAGE_STREAM, UsageRecorded};
use clawplane_eventstore::{Filter, RecordedEvent};
use sqlx::PgConnection;

/// Keeps `view_usage_log`.
pub(crate) struct UsageLogProjection;

#[async_trait]
impl Projection for UsageLogProjection {
    fn view(&self) -> View {
        View::UsageLog
    }

    fn version(&self) -> i32 {
        2
    }

    fn streams(&self) -> Filter {
        Filter::Types(&[USAGE_STREAM])
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[RecordedEvent]) -> Result<(), ApplyError> {
        let usage = events.iter().map(RecordedEvent::decode).collect::<Result<Vec<UsageRecorded>, _>>()?;
        let positions = events.iter().map(|event| event.position.global).collect();
        insert(tx, &usage, positions).await
    }
}

/// One column of a batch.
fn column<T>(usage: &[UsageRecorded], field: impl Fn(&UsageRecorded) -> T) -> Vec<T> {
    usage.iter().map(field).collect()
}

/// One column of counts.
fn counts(usage: &[UsageRecorded], field: impl Fn(&UsageRecorded) -> u64) -> Result<Vec<i64>, ApplyError> {
    usage.iter().map(|u| signed(field(u))).collect()
}

async fn insert(
    tx: &mut PgConnection,
    usage: &[UsageRecorded],
    positions: Vec<i64>,
) -> Result<(), ApplyError> {
    let costs = usage.iter().map(|u| u.cost_micros.map(signed).transpose()).collect::<Result<Vec<_>, _>>()?;
    sqlx::query(
        "INSERT INTO usage_log (tenant_id, bot_id, at, position, request_id, vendor, model, key_id, status, error,
             stream, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens,
             cost_micros, price_version, estimated, interrupted, ttfb_ms, duration_ms)
         SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bigint[], $5::uuid[], $6::text[],
             $7::text[], $8::uuid[], $9::integer[], $10::text[], $11::boolean[], $12::bigint[], $13::bigint[],
             $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::text[], $19::boolean[],
             $20::boolean[], $21::bigint[], $22::bigint[])",
    )
    .bind(column(usage, |u| u.tenant_id.0))
    .bind(column(usage, |u| u.bot_id.0))
    .bind(column(usage, |u| u.at))
    .bind(positions)
    .bind(column(usage, |u| u.request_id.0))
    .bind(column(usage, |u| u.vendor.to_string()))
    .bind(column(usage, |u| u.model.as_ref().map(ToString::to_string)))
    .bind(column(usage, |u| u.key_id.map(|key| key.0)))
    .bind(column(usage, |u| i32::from(u.status)))
    .bind(column(usage, |u| u.error.clone()))
    .bind(column(usage, |u| u.stream))
    .bind(counts(usage, |u| u.tokens.input_tokens)?)
    .bind(counts(usage, |u| u.tokens.cached_input_tokens)?)
    .bind(counts(usage, |u| u.tokens.cache_write_tokens)?)
    .bind(counts(usage, |u| u.tokens.output_tokens)?)
    .bind(counts(usage, |u| u.tokens.reasoning_tokens)?)
    .bind(costs)
    .bind(column(usage, |u| u.price_version.clone()))
    .bind(column(usage, |u| u.estimated))
    .bind(column(usage, |u| u.interrupted))
    .bind(column(usage, |u| u.ttfb_ms.map(i64::from)))
    .bind(column(usage, |u| i64::from(u.duration_ms)))
    .execute(tx)
    .await?;
    Ok(())
}
