//! Trap 2: one long write transaction, wherever in the cluster, holds back every feed.

use crate::{
    given::Store,
    support::{Cluster, database_in},
};
use clawplane_eventstore::{Filter, Position};
use sqlx::{Connection, PgConnection};
use std::time::{Duration, Instant};

/// A cluster of its own: others' transactions would count here.
#[tokio::test]
async fn a_long_transaction_elsewhere_stalls_the_feed_visibly_and_not_for_ever() {
    let cluster = Cluster::start();
    let store = Store::over(database_in(&cluster).await);
    let mut elsewhere = PgConnection::connect(&cluster.url).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT pg_current_xact_id()").execute(&mut elsewhere).await.unwrap();
    let began = Instant::now();

    store.create("a", 9200).await;
    let stalled = store.feed.read(Position::START, Filter::All, 100).await.unwrap();
    assert_eq!(stalled.events, []);
    assert!(stalled.exhausted);
    let at_least = began.elapsed();
    assert!(
        store.feed.held_back_for().await.unwrap() >= at_least,
        "the metric shows the age of the transaction"
    );
    assert_eq!(store.feed.lag(Position::START, Filter::All).await.unwrap().events, 2);

    // What the server does after 30 s to the platform's own sessions happens to this one at once.
    let shorten = "SET LOCAL idle_in_transaction_session_timeout = '1ms'";
    sqlx::raw_sql(shorten).execute(&mut elsewhere).await.unwrap();
    assert_eq!(store.feed_of(2).await.len(), 2);
    assert_eq!(store.feed.held_back_for().await.unwrap(), Duration::ZERO);
    assert!(sqlx::raw_sql("COMMIT").execute(&mut elsewhere).await.is_err(), "the session was ended");
}

#[tokio::test]
async fn sessions_of_the_platform_may_not_idle_in_a_transaction() {
    let store = Store::empty().await;
    let sql = "SHOW idle_in_transaction_session_timeout";
    let timeout: String = sqlx::query_scalar(sql).fetch_one(store.pool()).await.unwrap();
    assert_eq!(timeout, "30s");
}

/// Readers have no transaction id and hold back nobody.
#[tokio::test]
async fn a_long_reading_transaction_does_not_stall_the_feed() {
    let cluster = Cluster::start();
    let store = Store::over(database_in(&cluster).await);
    let mut reader = PgConnection::connect(&cluster.url).await.unwrap();
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class")
        .execute(&mut reader)
        .await
        .unwrap();
    store.create("a", 9200).await;
    assert_eq!(store.feed_of(2).await.len(), 2);
    assert_eq!(store.feed.held_back_for().await.unwrap(), Duration::ZERO);
    sqlx::raw_sql("COMMIT").execute(&mut reader).await.unwrap();
}
