//! The fold: a batch of events becomes one insert.

use super::redact::shown;
use crate::{
    projection::{ApplyError, Projection, signed},
    views::View,
};
use async_trait::async_trait;
use clawplane_domain::usage::{USAGE_STREAM, UsageRecorded};
use clawplane_eventstore::{Filter, RecordedEvent};
use serde_json::{Value, json};
use sqlx::PgConnection;

/// Keeps `view_audit`.
pub(crate) struct AuditProjection;

/// What is not a plain copy of the event.
struct Entry<'a> {
    event: &'a RecordedEvent,
    tx_id: i64,
    thing: (String, String),
    details: Value,
}

#[async_trait]
impl Projection for AuditProjection {
    fn view(&self) -> View {
        View::Audit
    }

    fn version(&self) -> i32 {
        1
    }

    fn streams(&self) -> Filter {
        Filter::All
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[RecordedEvent]) -> Result<(), ApplyError> {
        let entries = events.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        insert(tx, &entries).await
    }
}

fn entry(event: &RecordedEvent) -> Result<Entry<'_>, ApplyError> {
    let tx_id = signed(event.position.tx_id)?;
    if event.aggregate_type != USAGE_STREAM {
        let thing = (event.aggregate_type.clone(), event.aggregate_id.clone());
        return Ok(Entry { event, tx_id, thing, details: shown(&event.value()?) });
    }
    let usage: UsageRecorded = event.decode()?;
    let thing = ("bot".to_owned(), usage.bot_id.to_string());
    Ok(Entry { event, tx_id, thing, details: in_short(&usage) })
}

/// Usage has its own log with every detail; here it is what an auditor asks for.
fn in_short(usage: &UsageRecorded) -> Value {
    let mut details = json!({
        "requestId": usage.request_id,
        "vendor": usage.vendor,
        "model": usage.model,
        "keyId": usage.key_id,
        "status": usage.status,
        "inputTokens": usage.tokens.input_tokens,
        "outputTokens": usage.tokens.output_tokens,
        "costMicros": usage.cost_micros,
    });
    if let (Value::Object(fields), Some(error)) = (&mut details, &usage.error) {
        fields.insert("error".to_owned(), Value::from(error.as_str()));
    }
    details
}

async fn insert(tx: &mut PgConnection, entries: &[Entry<'_>]) -> Result<(), ApplyError> {
    sqlx::query(
        "INSERT INTO audit_log (tenant_id, tx_id, position, at, actor, action, thing_type, thing_id, request_id,
                                details)
         SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[],
                              $7::text[], $8::text[], $9::uuid[], $10::jsonb[])",
    )
    .bind(column(entries, |e| e.event.tenant_id.0))
    .bind(column(entries, |e| e.tx_id))
    .bind(column(entries, |e| e.event.position.global))
    .bind(column(entries, |e| e.event.metadata.at))
    .bind(column(entries, |e| e.event.metadata.actor.to_string()))
    .bind(column(entries, |e| e.event.event_type.clone()))
    .bind(column(entries, |e| e.thing.0.clone()))
    .bind(column(entries, |e| e.thing.1.clone()))
    .bind(column(entries, |e| e.event.metadata.request_id.map(|id| id.0)))
    .bind(column(entries, |e| e.details.clone()))
    .execute(tx)
    .await?;
    Ok(())
}

fn column<T>(entries: &[Entry<'_>], field: impl Fn(&Entry<'_>) -> T) -> Vec<T> {
    entries.iter().map(field).collect()
}
