//! The crate's own repository, unforked, reads and writes our extended table.

use crate::given::{Store, seen};
use clawplane_domain::bot::{Bot, BotCommand, BotEvent, BotRefusal};
use cqrs_es::{
    AggregateContext, AggregateError, CqrsFramework, EventStore,
    persist::{PersistedEventRepository, PersistedEventStore},
};
use postgres_es::PostgresEventRepository;

#[tokio::test]
async fn the_stock_repository_writes_what_we_read() {
    let store = Store::empty().await;
    let stock =
        PersistedEventStore::<_, Bot>::new_event_store(PostgresEventRepository::new(store.pool().clone()));
    let framework = CqrsFramework::new(stock, Vec::new(), ());
    let id = store.bot_id();
    let metadata = store.metadata().to_map();
    let create = store.new_bot(id, "a", 9200);
    framework.execute_with_metadata(&id.to_string(), create.clone(), metadata.clone()).await.unwrap();
    let again = framework.execute_with_metadata(&id.to_string(), create, metadata).await;
    assert!(matches!(again, Err(AggregateError::UserError(BotRefusal::Exists))));

    let events = store.feed_of(2).await;
    assert_eq!(
        events.iter().map(|event| event.event_type.as_str()).collect::<Vec<_>>(),
        ["bot.created", "bot.token_issued"]
    );
    assert_eq!(events[0].metadata, store.metadata());
    assert_eq!(events[0].tenant_id, store.tenant);
    let committed = store.bot(id, BotCommand::Start).await;
    assert_eq!(committed.events, [BotEvent::StartRequested {}], "our executor goes on where it ended");
}

#[tokio::test]
async fn the_stock_repository_reads_what_we_write() {
    let store = Store::empty().await;
    let (id, _) = store.create("a", 9200).await;
    store.bot(id, seen(1)).await;
    let repository = PostgresEventRepository::new(store.pool().clone());
    let last = repository.get_last_events::<Bot>(&id.to_string(), 2).await.unwrap();
    assert_eq!(last.iter().map(|event| event.sequence).collect::<Vec<_>>(), [3]);
    let stock = PersistedEventStore::<_, Bot>::new_event_store(repository);
    let mut loaded = stock.load_aggregate(&id.to_string()).await.unwrap();
    assert_eq!(*loaded.aggregate(), store.executor.load::<Bot>(&id.to_string()).await.unwrap());
    let metadata = &stock.load_events(&id.to_string()).await.unwrap()[0].metadata;
    assert_eq!(*metadata, store.metadata().to_map());
}
