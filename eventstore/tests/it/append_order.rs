//! Trap 4: a transaction that wrote something else first would publish a stream's events out of order.

use crate::given::{Store, seen};
use clawplane_domain::bot::{Bot, BotCommand};
use clawplane_eventstore::{Context, Idempotency, Position};
use std::{collections::HashMap, sync::Arc};

/// Every kind of append at once: with and without claims, with and without a key, several writers a stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_stream_comes_out_of_the_feed_in_its_own_order() {
    const STREAMS: u16 = 8;
    const ROUNDS: u32 = 6;
    let store = Arc::new(Store::empty().await);
    let mut bots = Vec::new();
    for port in 9200..9200 + STREAMS {
        bots.push(store.create(&format!("bot-{port}"), port).await.0);
    }
    let mut writers = tokio::task::JoinSet::new();
    for (stream, id) in bots.into_iter().enumerate() {
        for writer in 0..2_u32 {
            let store = store.clone();
            writers.spawn(async move {
                for round in 0..ROUNDS {
                    let key = format!("{stream}-{writer}-{round}");
                    let idempotency = (round % 2 == 0).then(|| Idempotency { fingerprint: key.clone(), key });
                    let context = Context { metadata: store.metadata(), idempotency };
                    store
                        .executor
                        .execute::<Bot>(id, seen(1 + writer * ROUNDS + round), context)
                        .await
                        .unwrap();
                }
            });
        }
    }
    let newcomers = store.clone();
    writers.spawn(async move {
        for port in 9300..9310 {
            let (id, _) = newcomers.create(&format!("new-{port}"), port).await;
            newcomers.bot(id, BotCommand::Delete).await;
            newcomers.bot(id, BotCommand::ConfirmRemoved).await;
        }
    });
    // Read along as a projection does: whatever is out of order now would stay so for ever.
    let expected = usize::from(STREAMS) * (2 + 2 * ROUNDS as usize) + 10 * 4;
    let mut last: HashMap<String, u64> = HashMap::new();
    let (mut seen_events, mut position) = (0, Position::START);
    let started = std::time::Instant::now();
    while seen_events < expected {
        assert!(started.elapsed().as_secs() < 60, "{seen_events} of {expected} events came out of the feed");
        let batch = store.feed.read(position, clawplane_eventstore::Filter::All, 7).await.unwrap();
        for event in &batch.events {
            assert!(event.position > position);
            position = event.position;
            let previous = last.insert(event.aggregate_id.clone(), event.sequence).unwrap_or(0);
            assert_eq!(event.sequence, previous + 1, "{}", event.aggregate_id);
        }
        seen_events += batch.events.len();
        while let Some(ended) = writers.try_join_next() {
            ended.unwrap();
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(seen_events, expected);
}
