//! What is done to the platform's own prices. They are of no tenant; their events stand in that of whoever said them.

use crate::{ApiState, freshness::settle, problem::Problem};
use clawplane_domain::{
    PriceId, Timestamp,
    price::{Price, PriceCommand, PriceEvent, PriceRow, VersionedPrice},
};
use clawplane_eventstore::{Context, Position};
use clawplane_projections::{PriceEntry, View};

/// Adds a price. A repeated command with the same idempotency key is answered with what the first one added.
pub(crate) async fn add(
    api: &ApiState,
    id: PriceId,
    row: PriceRow,
    context: Context,
) -> Result<(PriceEntry, Option<Position>), Problem> {
    let at = context.metadata.at;
    let committed = api.executor.execute::<Price>(id, PriceCommand::Add(row), context).await?;
    settle(api, View::Prices, committed.position).await;
    let id: PriceId = committed.aggregate_id.parse().map_err(Problem::internal)?;
    let said = committed.events.into_iter().find_map(|event| match event {
        PriceEvent::Set { row, .. } => Some(row),
        PriceEvent::Removed { .. } => None,
    });
    let row = said.ok_or_else(|| Problem::internal("a price without its event"))?;
    // Whatever adds a price is the first event of its stream.
    let price = VersionedPrice { id, sequence: 1, row };
    Ok((shown(api, price, at).await?, committed.position))
}

/// A price as the read model shows it, or as it was just said where that is not there yet.
async fn shown(api: &ApiState, price: VersionedPrice, at: Timestamp) -> Result<PriceEntry, Problem> {
    let entry = api.views.prices.find(price.id).await?.filter(|entry| entry.price == price);
    Ok(entry.unwrap_or(PriceEntry { price, set_at: at }))
}

/// Changes a price, and shows it as it is after that.
pub(crate) async fn change(
    api: &ApiState,
    id: PriceId,
    row: PriceRow,
    context: Context,
) -> Result<(PriceEntry, Option<Position>), Problem> {
    let at = context.metadata.at;
    let committed = api.executor.execute::<Price>(id, PriceCommand::Change(row), context).await?;
    settle(api, View::Prices, committed.position).await;
    let price = api.executor.load::<Price>(&id.to_string()).await?.in_force(id);
    let price = price.ok_or_else(|| Problem::not_found("price"))?;
    Ok((shown(api, price, at).await?, committed.position))
}

/// Removes a price.
pub(crate) async fn remove(
    api: &ApiState,
    id: PriceId,
    context: Context,
) -> Result<Option<Position>, Problem> {
    let committed = api.executor.execute::<Price>(id, PriceCommand::Remove, context).await?;
    settle(api, View::Prices, committed.position).await;
    Ok(committed.position)
}
