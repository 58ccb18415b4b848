//! Trap 1: numbers are drawn in one order and become visible in another.

use crate::given::Store;
use clawplane_domain::bot::BotCommand;
use clawplane_eventstore::{Filter, Position};
use sqlx::{PgPool, Postgres, Transaction};

const INSERT: &str = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
     VALUES ('bot', 'slow', 1, 'bot.start_requested', '1', '{\"type\": \"bot.start_requested\"}', $1)";

async fn insert_without_commit(store: &Store) -> Transaction<'static, Postgres> {
    let mut slow = store.pool().begin().await.unwrap();
    let metadata = sqlx::types::Json(store.metadata());
    sqlx::query(INSERT).bind(metadata).execute(&mut *slow).await.unwrap();
    slow
}

/// What nearly every event store did first: everything above the last number I saw.
async fn naive(pool: &PgPool, after: i64) -> Vec<i64> {
    let sql = "SELECT global_position FROM events WHERE global_position > $1 ORDER BY global_position";
    sqlx::query_scalar(sql).bind(after).fetch_all(pool).await.unwrap()
}

#[tokio::test]
async fn the_naive_reader_skips_a_slow_writer_and_the_feed_waits_for_it() {
    let store = Store::empty().await;
    let slow = insert_without_commit(&store).await;
    let (id, _) = store.create("fast", 9200).await;

    let seen_by_naive = naive(store.pool(), 0).await;
    assert_eq!(seen_by_naive, [2, 3], "the fast writer's numbers are visible, the slow one's is not");
    let early = store.feed.read(Position::START, Filter::All, 100).await.unwrap();
    assert_eq!(early.events, [], "the feed does not go past a transaction that still runs");
    assert_eq!(store.feed.head().await.unwrap(), Position::START);

    slow.commit().await.unwrap();
    assert_eq!(naive(store.pool(), 3).await, [0_i64; 0], "the naive reader never sees number 1");
    let events = store.feed_of(3).await;
    let streams: Vec<_> =
        events.iter().map(|e| (e.aggregate_id.as_str(), e.sequence, e.position.global)).collect();
    let fast = id.to_string();
    assert_eq!(streams, [("slow", 1, 1), (&fast, 1, 2), (&fast, 2, 3)]);
    assert!(events.is_sorted_by_key(|event| event.position));
}

#[tokio::test]
async fn a_slow_writer_that_gives_up_leaves_no_trace() {
    let store = Store::empty().await;
    let slow = insert_without_commit(&store).await;
    let (id, created) = store.create("fast", 9200).await;
    store.bot(id, BotCommand::Start).await;
    slow.rollback().await.unwrap();
    let events = store.feed_of(3).await;
    assert_eq!(events.iter().map(|e| e.position.global).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(created.position, Some(events[1].position));
}
