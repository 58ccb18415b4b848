//! Usage: batches of one writer.

use crate::given::{Store, now};
use clawplane_domain::{
    Actor, BotId, KeyId, RequestId,
    clock::Ids,
    usage::{Tokens, UsageRecorded},
};
use clawplane_eventstore::{Filter, Position, Stored, UsageAppender};

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
        service_tier: None,
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
    assert_eq!(appender(&store).stored("p:1", 1, &[]).await.unwrap().runs, [(1, 200)]);
}

#[tokio::test]
async fn the_numbers_of_a_stream_show_its_holes() {
    let store = Store::empty().await;
    let appender = appender(&store);
    appender.append("p:1", &[(5, record(&store, 5)), (2, record(&store, 2))]).await.unwrap();
    appender.append("p:2", &[(1, record(&store, 1))]).await.unwrap();
    appender.append("p:1", &[]).await.unwrap();
    let known = record(&store, 6);
    appender.append("p:1", &[(6, known.clone()), (7, record(&store, 7))]).await.unwrap();
    let stored = |stream: &'static str, from| {
        let (appender, asked) = (appender.clone(), [known.request_id, RequestId(uuid::Uuid::nil())]);
        async move { appender.stored(stream, from, &asked).await.unwrap() }
    };
    let all = stored("p:1", 1).await;
    assert_eq!((all.below, all.runs, all.known), (0, vec![(2, 2), (5, 7)], vec![known.request_id]));
    let some = stored("p:1", 4).await;
    assert_eq!((some.below, some.runs, some.known.len()), (2, vec![(5, 7)], 1));
    let rest = stored("p:1", 7).await;
    assert_eq!(
        (rest.below, rest.runs, rest.known.len()),
        (6, vec![(7, 7)], 0),
        "what is below is not looked at"
    );
    assert_eq!(stored("p:3", 1).await, Stored::default());
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

/// A proxy that reads on must neither miss what others used nor read over its own usage again and again.
#[tokio::test]
async fn a_reader_of_others_passes_over_its_own_usage() {
    const FILTER: Filter = Filter::Types(&["usage", "bot"]);
    let store = Store::empty().await;
    let usage = appender(&store);
    let records = |from: u64, to: u64| (from..=to).map(|n| (n, record(&store, n))).collect::<Vec<_>>();
    usage.append("own:1", &records(1, 50)).await.unwrap();
    usage.append("other:1", &records(1, 3)).await.unwrap();
    store.create("a", 9200).await;
    usage.append("own:1", &records(51, 100)).await.unwrap();
    let all = store.feed_of(105).await;

    let (mut position, mut read) = (Position::START, Vec::new());
    loop {
        let (batch, next) = store.feed.read_others(position, FILTER, "own:1", 2).await.unwrap();
        assert!(batch.events.len() <= 2);
        position = next;
        read.extend(batch.events);
        if batch.exhausted {
            break;
        }
    }
    let others: Vec<_> = all.iter().filter(|event| event.aggregate_id != "own:1").cloned().collect();
    assert_eq!(read, others);
    assert_eq!(position, all[104].position, "what is its own is behind it");
    let (nothing, same) = store.feed.read_others(position, FILTER, "own:1", 2).await.unwrap();
    assert!(nothing.events.is_empty() && nothing.exhausted && same == position);

    usage.append("other:1", &records(4, 4)).await.unwrap();
    let (batch, next) = store.feed.read_others(position, FILTER, "own:1", 2).await.unwrap();
    assert_eq!((batch.events.len(), next), (1, batch.events[0].position));
}
