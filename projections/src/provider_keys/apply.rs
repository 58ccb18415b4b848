//! The fold: keys come and go one by one, their use is summed up over the batch first.

use super::health;
use crate::{
    projection::{ApplyError, Projection},
    views::View,
};
use async_trait::async_trait;
use clawplane_domain::{
    Timestamp,
    provider_key::{AddKey, KeyEvent},
    usage::{USAGE_STREAM, UsageRecorded},
    values::{Label, Tag},
};
use clawplane_eventstore::{Filter, RecordedEvent};
use sqlx::{PgConnection, types::Json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Keeps `view_provider_keys`.
pub(crate) struct ProviderKeysProjection;

/// How a key was used in a batch.
#[derive(Default)]
struct Use {
    last: Option<(Timestamp, i32)>,
    success: Option<Timestamp>,
    failure: Option<Timestamp>,
}

#[async_trait]
impl Projection for ProviderKeysProjection {
    fn view(&self) -> View {
        View::ProviderKeys
    }

    fn version(&self) -> i32 {
        2
    }

    fn streams(&self) -> Filter {
        Filter::Types(&["provider_key", USAGE_STREAM])
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[RecordedEvent]) -> Result<(), ApplyError> {
        let mut uses = BTreeMap::<Uuid, Use>::new();
        for event in events {
            if event.aggregate_type == USAGE_STREAM {
                let usage: UsageRecorded = event.decode()?;
                if let Some(key) = usage.key_id {
                    uses.entry(key.0).or_default().add(usage.at, usage.status);
                }
                continue;
            }
            let (id, at) = (&event.aggregate_id, event.metadata.at);
            match event.decode()? {
                KeyEvent::Added { key } => insert(tx, &key, at).await?,
                KeyEvent::Deleted { .. } => delete(tx, id).await?,
                KeyEvent::Changed { label, tags, weight } => change(tx, id, &label, &tags, weight).await?,
                KeyEvent::Rotated { .. } => health::rotated(tx, id, at).await?,
                KeyEvent::Disabled { disabling } => health::disabled(tx, id, &disabling, at).await?,
                KeyEvent::Cooled { cooling } => health::cooled(tx, id, &cooling, at).await?,
                KeyEvent::Enabled {} | KeyEvent::Recovered {} => health::healthy(tx, id, at).await?,
            }
        }
        store_uses(tx, &uses).await
    }
}

impl Use {
    /// The later one counts, by its own time and not by its arrival: several proxies report on their own.
    fn add(&mut self, at: Timestamp, status: u16) {
        if self.last.is_none_or(|(last, _)| last <= at) {
            self.last = Some((at, i32::from(status)));
        }
        match status {
            200..=399 => self.success = self.success.max(Some(at)),
            401..=403 | 429 | 500.. => self.failure = self.failure.max(Some(at)),
            // A bad request, or a client that went away, says nothing about the key.
            _ => {}
        }
    }
}

/// A number as `integer` holds it.
pub(super) fn small(number: u32) -> Result<i32, ApplyError> {
    i32::try_from(number).map_err(|error| ApplyError::Senseless(error.to_string()))
}

fn texts(tags: &[Tag]) -> Vec<String> {
    tags.iter().map(ToString::to_string).collect()
}

async fn change(
    tx: &mut PgConnection,
    id: &str,
    label: &Label,
    tags: &[Tag],
    weight: u32,
) -> Result<(), ApplyError> {
    sqlx::query("UPDATE provider_keys SET label = $2, tags = $3, weight = $4 WHERE id = $1::uuid")
        .bind(id)
        .bind(label.as_str())
        .bind(texts(tags))
        .bind(small(weight)?)
        .execute(tx)
        .await?;
    Ok(())
}

async fn insert(tx: &mut PgConnection, key: &AddKey, at: Timestamp) -> Result<(), ApplyError> {
    sqlx::query(
        "INSERT INTO provider_keys (id, tenant_id, vendor, label, tags, weight, base_url, api_type, on_disconnect, created_by,
                                    created_at, state_since)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
    )
    .bind(key.id.0)
    .bind(key.tenant_id.0)
    .bind(key.vendor.as_str())
    .bind(key.label.as_str())
    .bind(texts(&key.tags))
    .bind(small(key.weight)?)
    .bind(key.base_url.as_ref().map(ToString::to_string))
    .bind(key.api_type.map(Json))
    .bind(Json(key.on_disconnect))
    .bind(key.created_by.0)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

async fn delete(tx: &mut PgConnection, id: &str) -> Result<(), ApplyError> {
    sqlx::query("DELETE FROM provider_keys WHERE id = $1::uuid").bind(id).execute(tx).await?;
    Ok(())
}

/// Keys that were deleted meanwhile have no row to change any more.
async fn store_uses(tx: &mut PgConnection, uses: &BTreeMap<Uuid, Use>) -> Result<(), ApplyError> {
    if uses.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE provider_keys k
         SET last_used_at = greatest(k.last_used_at, u.at),
             last_status = CASE WHEN k.last_used_at > u.at THEN k.last_status ELSE u.status END,
             last_success_at = greatest(k.last_success_at, u.success),
             last_failure_at = greatest(k.last_failure_at, u.failure)
         FROM UNNEST($1::uuid[], $2::timestamptz[], $3::integer[], $4::timestamptz[], $5::timestamptz[])
              AS u (id, at, status, success, failure)
         WHERE k.id = u.id",
    )
    .bind(uses.keys().copied().collect::<Vec<_>>())
    .bind(uses.values().map(|u| u.last.map(|(at, _)| at)).collect::<Vec<_>>())
    .bind(uses.values().map(|u| u.last.map(|(_, status)| status)).collect::<Vec<_>>())
    .bind(uses.values().map(|u| u.success).collect::<Vec<_>>())
    .bind(uses.values().map(|u| u.failure).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}
