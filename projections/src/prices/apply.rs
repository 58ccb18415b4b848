//! The fold: rows are few and change seldom, so each event is a statement.

use crate::{
    projection::{ApplyError, Projection, signed},
    views::View,
};
use async_trait::async_trait;
use clawplane_domain::price::{PriceEvent, PriceRow};
use clawplane_eventstore::{Filter, RecordedEvent};
use sqlx::{PgConnection, types::Json};

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
    sqlx::query(
        "INSERT INTO prices (id, sequence, vendor, model, valid_from, rates, set_at)
         VALUES ($1::uuid, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (id) DO UPDATE SET
             sequence = excluded.sequence, vendor = excluded.vendor, model = excluded.model,
             valid_from = excluded.valid_from, rates = excluded.rates, set_at = excluded.set_at",
    )
    .bind(&event.aggregate_id)
    .bind(signed(event.sequence)?)
    .bind(row.scope.vendor.as_str())
    .bind(row.scope.model.as_str())
    .bind(row.scope.valid_from)
    .bind(Json(row.rates))
    .bind(event.metadata.at)
    .execute(tx)
    .await?;
    Ok(())
}
