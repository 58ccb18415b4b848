//! Trap 3: a dump that is restored into a new cluster brings transaction ids from the future.

use crate::{
    given::{Store, seen},
    support::{Cluster, TestDatabase, binaries, database_in},
};
use clawplane_domain::bot::{Bot, BotCommand};
use clawplane_eventstore::{Checkpoints, Filter, Idempotency, Position, RecordedEvent, restore};
use sqlx::PgPool;
use std::process::Command;

/// Lets the cluster count on, as months of work would.
async fn age(pool: &PgPool, transactions: u32) {
    let sql = format!(
        "DO $$ BEGIN FOR i IN 1..{transactions} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
    );
    sqlx::raw_sql(&sql).execute(pool).await.unwrap();
}

fn tool(name: &str, arguments: &[&str]) {
    let output = Command::new(binaries().join(name)).args(arguments).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The contents of one database, through the real tools, in a cluster that is younger.
async fn dump_and_restore(from: &TestDatabase, cluster: &Cluster, to: &TestDatabase) {
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").execute(&to.pool).await.unwrap();
    let dump = cluster.dir.join("dump");
    let dump = dump.to_str().unwrap();
    tool("pg_dump", &["--format=custom", "--no-owner", "--file", dump, "--dbname", &from.url]);
    tool("pg_restore", &["--no-owner", "--exit-on-error", "--dbname", &to.url, dump]);
}

fn without_transaction(events: &[RecordedEvent]) -> Vec<RecordedEvent> {
    let strip = |event: &RecordedEvent| {
        let position = Position { tx_id: 0, ..event.position };
        RecordedEvent { position, ..event.clone() }
    };
    events.iter().map(strip).collect()
}

#[tokio::test]
async fn a_restored_database_is_invisible_until_it_is_rebased() {
    let (old, new) = (Cluster::start(), Cluster::start());
    let before = Store::over(database_in(&old).await);
    age(before.pool(), 5_000).await;
    let (id, _) = before.create("a", 9200).await;
    let key = Idempotency { key: "start".into(), fingerprint: "start a".into() };
    let context =
        || clawplane_eventstore::Context { metadata: before.metadata(), idempotency: Some(key.clone()) };
    before.executor.execute::<Bot>(id, BotCommand::Start, context()).await.unwrap();
    let written = before.feed_of(3).await;
    Checkpoints::new(before.pool().clone()).store("reader", written[2].position).await.unwrap();

    let mut after = Store::over(database_in(&new).await);
    dump_and_restore(&before.db, &new, &after.db).await;
    after.ids = before.ids.clone();
    let restored = after.feed.read(Position::START, Filter::All, 100).await.unwrap();
    assert_eq!(restored.events, [], "ids from the future: nothing is seen although everything is there");
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(after.pool()).await.unwrap();
    assert_eq!(rows, 3);

    assert_eq!(restore::rebase(after.pool()).await.unwrap(), 3);
    let rebased = after.feed_of(3).await;
    assert_eq!(rebased, without_transaction(&written));
    let checkpoints = Checkpoints::new(after.pool().clone());
    assert_eq!(checkpoints.get("reader").await.unwrap(), Position::START, "readers start over");

    // Life goes on: new events follow the old ones, old keys are known, and the guard is on again.
    let again = after.executor.execute::<Bot>(id, BotCommand::Start, context()).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.position, Some(rebased[2].position));
    after.bot(id, seen(7)).await;
    let events = after.feed_of(4).await;
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for sql in
        ["UPDATE events SET tx_id = '1'", "DELETE FROM events", "UPDATE events_default SET tx_id = '1'"]
    {
        assert!(sqlx::raw_sql(sql).execute(after.pool()).await.is_err(), "{sql}");
    }
    assert_eq!(restore::rebase(after.pool()).await.unwrap(), 1, "only what is new has an id to rewrite");
}
