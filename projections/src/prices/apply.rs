//! The fold: rows are few and change seldom, so each event is a statement.

use crate::{
    projection::{ApplyError, Projection, signed},
    views::View,
};
use async_trait::async_trait;
use clawplane_domain::price::{PriceEvent, PriceRow};
use clawplane_eventstore::{Filter, RecordedEvent};
use sqlx::PgConnection;

/// Keeps `view_prices`.
pub(crate) struct PricesProjection;

#[async_trait]
impl Projection for PricesProjection {
    fn view(&self) -> View {
        View::Prices
    }

    fn version(&self) -> i32 {
        1
    }

    fn streams(&self) -> Filter {
        Filter::Types(&["price"])
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.sql")
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[RecordedEvent]) -> Result<(), ApplyError> {
        for event in events {
            match event.decode()? {
                PriceEvent::Set { row, .. } => set(tx, event, &row).await?,
                PriceEvent::Removed { .. } => {
                    let delete = sqlx::query("DELETE FROM prices WHERE id = $1::uuid");
                    delete.bind(&event.aggregate_id).execute(&mut *tx).await?;
                }
            }
        }
        Ok(())
    }
}

async fn set(tx: &mut PgConnection, event: &RecordedEvent, row: &PriceRow) -> Result<(), ApplyError> {
    let (scope, rates) = (&row.scope, &row.rates);
    let optional = |rate: Option<u64>| rate.map(signed).transpose();
    sqlx::query(
        "INSERT INTO prices (id, sequence, vendor, model, valid_from, input_micros, cached_input_micros,
                             cache_write_micros, output_micros, request_micros, set_at)
         VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (id) DO UPDATE SET
             sequence = excluded.sequence, vendor = excluded.vendor, model = excluded.model,
             valid_from = excluded.valid_from, input_micros = excluded.input_micros,
             cached_input_micros = excluded.cached_input_micros,
             cache_write_micros = excluded.cache_write_micros, output_micros = excluded.output_micros,
             request_micros = excluded.request_micros, set_at = excluded.set_at",
    )
    .bind(&event.aggregate_id)
    .bind(signed(event.sequence)?)
    .bind(scope.vendor.as_str())
    .bind(scope.model.as_str())
    .bind(scope.valid_from)
    .bind(signed(rates.input_micros)?)
    .bind(optional(rates.cached_input_micros)?)
    .bind(optional(rates.cache_write_micros)?)
    .bind(signed(rates.output_micros)?)
    .bind(optional(rates.request_micros)?)
    .bind(event.metadata.at)
    .execute(tx)
    .await?;
    Ok(())
}
