use crate::world::{World, at, noon};
use clawplane_domain::{
    PriceId,
    clock::Ids,
    price::{Price, PriceCommand, PriceRefusal, PriceRow, PriceScope, Rates},
};
use clawplane_eventstore::ExecuteError;
use pretty_assertions::assert_eq;

fn row(model: &str, from: Option<&str>, input: u64) -> PriceRow {
    let (vendor, model, valid_from) = ("openai".parse().unwrap(), model.parse().unwrap(), from.map(at));
    let rates = Rates { input_micros: input, output_micros: 9, request_micros: Some(2), ..Rates::default() };
    PriceRow { scope: PriceScope { vendor, model, valid_from }, rates }
}

async fn give(world: &World, id: PriceId, command: PriceCommand) -> Result<(), ExecuteError<PriceRefusal>> {
    world.executor.execute::<Price>(id, command, world.metadata(world.tenant())).await.map(|_| ())
}

async fn add(world: &World, row: PriceRow) -> PriceId {
    let id = PriceId(world.ids.uuid());
    give(world, id, PriceCommand::Add(row)).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_shown_as_it_was_said_last() {
    let world = World::new().await;
    let _running = world.run();
    let first = row("gpt-x", Some("2026-03-01T00:00:00.123456Z"), 5);
    let id = add(&world, first.clone()).await;
    let other = add(&world, row("gpt-y", None, 1)).await;
    world.settled().await;
    let found = world.views.prices.find(id).await.unwrap().unwrap();
    assert_eq!((found.price.row, found.price.sequence, found.set_at), (first, 1, noon()));

    let second = row("gpt-*", None, 7);
    give(&world, id, PriceCommand::Change(second.clone())).await.unwrap();
    world.settled().await;
    let found = world.views.prices.find(id).await.unwrap().unwrap();
    assert_eq!(found.price.version(), format!("price/{id}@2"));
    assert_eq!(found.price.row, second);
    let page = world.views.prices.list(None, 1).await.unwrap();
    assert_eq!(page.items, [found]);
    let rest = world.views.prices.list(page.next, 1).await.unwrap();
    assert_eq!((rest.items[0].price.id, rest.next), (other, None));

    give(&world, id, PriceCommand::Remove).await.unwrap();
    world.settled().await;
    assert_eq!(world.views.prices.find(id).await.unwrap(), None);
    assert_eq!(world.views.prices.list(None, 10).await.unwrap().items.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rows_are_never_for_the_same() {
    let world = World::new().await;
    let (id, other) = (add(&world, row("a", None, 1)).await, PriceId(world.ids.uuid()));
    let taken = |result| matches!(result, Err(ExecuteError::Taken(_)));
    assert!(taken(give(&world, other, PriceCommand::Add(row("a", None, 2))).await));
    add(&world, row("a", Some("2026-03-01T00:00:00Z"), 2)).await;
    // The same row again does not stand in its own way.
    give(&world, id, PriceCommand::Change(row("a", None, 3))).await.unwrap();
    give(&world, id, PriceCommand::Change(row("b", None, 3))).await.unwrap();
    give(&world, other, PriceCommand::Add(row("a", None, 2))).await.unwrap();
    assert!(taken(give(&world, id, PriceCommand::Change(row("a", None, 3))).await));
    give(&world, other, PriceCommand::Remove).await.unwrap();
    give(&world, id, PriceCommand::Change(row("a", None, 3))).await.unwrap();
}
