//! Reading the feed, and the small tables beside it.

use crate::given::{Store, seen};
use clawplane_domain::bot::{BotCommand, BotEvent};
use clawplane_eventstore::{DeadLetters, Feed, Filter, Position, StoreError};
use std::time::{Duration, Instant};

#[tokio::test]
async fn batches_follow_each_other_without_gap_or_overlap() {
    let store = Store::empty().await;
    let (id, _) = store.create("a", 9200).await;
    for n in 1..=8 {
        store.bot(id, seen(n)).await;
    }
    let all = store.feed_of(10).await;
    assert_eq!(store.feed.head().await.unwrap(), all[9].position);
    let (mut position, mut read) = (Position::START, Vec::new());
    loop {
        let batch = store.feed.read(position, Filter::All, 3).await.unwrap();
        assert!(batch.events.len() <= 3);
        position = batch.last().unwrap_or(position);
        read.extend(batch.events);
        if batch.exhausted {
            break;
        }
    }
    assert_eq!(read, all);
    assert_eq!(store.feed.read(position, Filter::All, 3).await.unwrap().last(), None);
}

/// Transaction ids grow a digit now and then: sorted as text, 10 would come before 9 and 9 never after it.
#[tokio::test]
async fn the_order_is_that_of_numbers_not_of_their_texts() {
    let store = Store::empty().await;
    for tx_id in ["9", "10", "99", "100"] {
        sqlx::query(
            "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata,
                                 tx_id)
             VALUES ('bot', $1, 1, 'bot.start_requested', '1', '{}', $2, $1::text::xid8)",
        )
        .bind(tx_id)
        .bind(sqlx::types::Json(store.metadata()))
        .execute(store.pool())
        .await
        .unwrap();
    }
    assert_eq!(store.feed.head().await.unwrap(), Position { tx_id: 100, global: 4 });
    let (mut position, mut read) = (Position::START, Vec::new());
    for _ in 0..4 {
        position = store.feed.read(position, Filter::All, 1).await.unwrap().last().unwrap();
        read.push(position.tx_id);
    }
    assert_eq!(read, [9, 10, 99, 100]);
}

/// A batch costs what it holds, however long history is: read by the index, sorted by nobody.
#[tokio::test]
async fn a_batch_touches_no_more_rows_than_it_gives() {
    const ROWS: i32 = 20_000;
    let store = Store::empty().await;
    for kind in ["usage", "bot"] {
        let sql = "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
                   SELECT $1, 's', n, 'x', '1', '{}', $2 FROM generate_series(1, $3) AS n";
        let insert = sqlx::query(sql).bind(kind).bind(sqlx::types::Json(store.metadata())).bind(ROWS);
        insert.execute(store.pool()).await.unwrap();
    }
    sqlx::raw_sql("ANALYZE events").execute(store.pool()).await.unwrap();
    let last = store.feed_of(2 * ROWS as usize).await[30_000].position;
    let mut tx = store.pool().begin().await.unwrap();
    for (after, filter) in
        [(Position::START, Filter::All), (last, Filter::All), (last, Filter::Types(&["bot"]))]
    {
        assert_eq!(Feed::read_in(&mut tx, after, filter, 100).await.unwrap().events.len(), 100);
    }
    let touched: i64 = sqlx::query_scalar(
        "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
         WHERE relname IN ('events_usage', 'events_default')",
    )
    .fetch_one(&mut *tx)
    .await
    .unwrap();
    assert!((300..400).contains(&touched), "{touched} rows read for 300 events");
}

#[tokio::test]
async fn an_event_carries_what_was_said_of_it() {
    let store = Store::empty().await;
    let (id, committed) = store.create("a", 9200).await;
    let events = store.feed_of(2).await;
    assert_eq!(
        events[1].position,
        committed.position.unwrap(),
        "a command is told the place of its last event"
    );
    let decoded: Vec<BotEvent> = events.iter().map(|event| event.decode().unwrap()).collect();
    assert_eq!(decoded, committed.events);
    assert_eq!((events[0].aggregate_type.as_str(), events[0].aggregate_id.clone()), ("bot", id.to_string()));
    assert_eq!((events[0].event_type.as_str(), events[0].event_version.as_str()), ("bot.created", "1"));
    assert_eq!(events[0].metadata, store.metadata());
    assert_eq!(events[0].tenant_id, store.tenant);
    assert_ne!(events[0].event_id, events[1].event_id);
    let error = events[0].decode::<clawplane_domain::user::UserEvent>().unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { at, .. } if at == format!("bot/{id}/1")));
}

#[tokio::test]
async fn the_feed_reads_inside_a_transaction_of_its_reader() {
    let store = Store::empty().await;
    store.create("a", 9200).await;
    store.feed_of(2).await;
    let mut tx = store.pool().begin().await.unwrap();
    let batch = Feed::read_in(&mut tx, Position::START, Filter::All, 10).await.unwrap();
    assert_eq!(batch.events.len(), 2);
    // Even though the reader writes by now: its own transaction holds back only what comes after it.
    sqlx::query("SELECT pg_current_xact_id()").execute(&mut *tx).await.unwrap();
    let batch = Feed::read_in(&mut tx, Position::START, Filter::All, 10).await.unwrap();
    assert_eq!(batch.events.len(), 2);
}

#[tokio::test]
async fn lag_is_told_in_events_and_in_seconds() {
    let store = Store::empty().await;
    let (id, created) = store.create("a", 9200).await;
    let created = created.position.unwrap();
    let lag = store.feed.lag(Position::START, Filter::All).await.unwrap();
    assert!(lag.events == 2 && lag.seconds > 0.0, "{lag:?}");
    assert_eq!(store.feed.lag(created, Filter::All).await.unwrap().events, 0);
    store.bot(id, BotCommand::Start).await;
    assert_eq!(store.feed.lag(created, Filter::Types(&["bot"])).await.unwrap().events, 1);
    let none = store.feed.lag(created, Filter::Types(&["user"])).await.unwrap();
    assert!(none.events == 0 && none.seconds.abs() < f64::EPSILON, "{none:?}");
}

#[tokio::test]
async fn a_commit_rings_the_bell_of_its_process() {
    let store = Store::empty().await;
    let mut ear = store.wakeup.listen();
    store.create("a", 9200).await;
    let started = Instant::now();
    ear.wait(Duration::from_mins(10)).await;
    assert!(started.elapsed() < Duration::from_mins(5), "it rang before the wait, and was not missed");
}

#[tokio::test]
async fn a_dead_letter_is_buried_once() {
    let store = Store::empty().await;
    let letters = DeadLetters::new(store.pool().clone());
    letters.bury("mail", ("bot", "1", 7), "no such mailbox").await.unwrap();
    letters.bury("mail", ("bot", "1", 7), "no such mailbox").await.unwrap();
    letters.bury("docker", ("bot", "1", 7), "no engine").await.unwrap();
    assert_eq!(letters.count().await.unwrap(), 2);
}
