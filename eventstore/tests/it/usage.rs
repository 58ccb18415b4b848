//! Usage: batches of one writer.

use crate::given::{Store, now};
use clawplane_domain::{
    Actor, BotId, KeyId, RequestId,
    clock::Ids,
    usage::{Tokens, UsageRecorded},
};
use clawplane_eventstore::{Filter, Position, UsageAppender};

/// A record of a request with `n` tokens each way.
pub fn record(store: &Store, n: u64) -> UsageRecorded {
    UsageRecorded {
        request_id: RequestId(store.ids.uuid()),
        tenant_id: store.tenant,
        bot_id: BotId(store.ids.uuid()),
        key_id: Some(KeyId(store.ids.uuid())),
        vendor: "openai".parse().unwrap(),
        model: Some("gpt-5".parse().unwrap()),
        status: 200,
        error: None,
        stream: true,
        tokens: Tokens { input_tokens: n, output_tokens: n, ..Tokens::default() },
        cost_micros: Some(n),
        price_version: None,
        estimated: false,
        interrupted: false,
        ttfb_ms: Some(3),
        duration_ms: 12,
        at: now(),
        attempts: 1,
    }
}

fn appender(store: &Store) -> UsageAppender {
    UsageAppender::new(store.pool().clone(), store.wakeup.clone())
}

#[tokio::test]
async fn a_batch_that_is_sent_twice_is_stored_once() {
    let store = Store::empty().await;
    let batch: Vec<_> = (1..=1000).map(|n| (n, record(&store, n))).collect();
    appender(&store).append("p:1", &batch).await.unwrap();
    appender(&store).append("p:1", &batch).await.unwrap();
    // The retry of a batch whose answer was lost has grown meanwhile.
    let (overlap, next) = (batch[999].clone(), (1001, record(&store, 1001)));
    appender(&store).append("p:1", &[overlap, next.clone()]).await.unwrap();

    let events = store.feed_of(1001).await;
    assert_eq!(events.len(), 1001);
    let expected: Vec<_> = batch.into_iter().chain([next]).collect();
    for (event, (sequence, record)) in events.iter().zip(expected) {
        assert_eq!(event.sequence, sequence);
        assert_eq!(event.decode::<UsageRecorded>().unwrap(), record);
        assert_eq!(event.metadata.actor, Actor::system("proxy"));
        assert_eq!((event.metadata.at, event.metadata.request_id), (record.at, Some(record.request_id)));
        assert_eq!((event.tenant_id, event.event_type.as_str()), (store.tenant, "usage.recorded"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_batch_from_two_uploaders_at_once_is_stored_once() {
    let store = Store::empty().await;
    let batch: Vec<_> = (1..=200).map(|n| (n, record(&store, n))).collect();
    let mut uploads = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (appender, batch) = (appender(&store), batch.clone());
        uploads.spawn(async move { appender.append("p:1", &batch).await.unwrap() });
    }
    uploads.join_all().await;
    assert_eq!(appender(&store).sequences("p:1").await.unwrap(), (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_numbers_of_a_stream_show_its_holes() {
    let store = Store::empty().await;
    let appender = appender(&store);
    appender.append("p:1", &[(5, record(&store, 5)), (2, record(&store, 2))]).await.unwrap();
    appender.append("p:2", &[(1, record(&store, 1))]).await.unwrap();
    appender.append("p:1", &[]).await.unwrap();
    assert_eq!(appender.sequences("p:1").await.unwrap(), [2, 5]);
    assert_eq!(appender.sequences("p:3").await.unwrap(), [0_u64; 0]);
    assert!(appender.append("p:1", &[(0, record(&store, 0))]).await.is_err(), "numbers start at 1");
    assert!(appender.append("p:1", &[(u64::MAX, record(&store, 0))]).await.is_err());
}

#[tokio::test]
async fn usage_lies_in_its_own_partition_and_can_be_left_out() {
    let store = Store::empty().await;
    store.create("a", 9200).await;
    appender(&store).append("p:1", &[(1, record(&store, 1))]).await.unwrap();
    store.feed_of(3).await;
    let of = |types| store.feed.read(Position::START, Filter::Types(types), 100);
    assert_eq!(of(&["usage"]).await.unwrap().events.len(), 1);
    assert_eq!(of(clawplane_eventstore::COMMAND_STREAMS).await.unwrap().events.len(), 2);
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM events_usage").fetch_one(store.pool()).await.unwrap();
    assert_eq!(rows, 1);
}
