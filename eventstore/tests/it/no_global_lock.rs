//! Trap 5: an advisory lock or a notification inside the append would make all writers queue up.

use crate::{
    given::{Store, eventually},
    support::{Cluster, database_in},
};
use clawplane_domain::bot::{Bot, BotCommand};
use sqlx::PgPool;

/// The locks of sessions that are inside an append right now, but for those on themselves.
async fn locks(pool: &PgPool) -> Vec<(String, String)> {
    sqlx::query_as(
        "SELECT DISTINCT locktype, mode FROM pg_locks JOIN pg_stat_activity USING (pid)
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'INSERT INTO claims%'
           AND application_name = 'clawplane' AND locktype NOT IN ('virtualxid', 'transactionid')
         ORDER BY 1, 2",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn an_append_holds_nothing_that_another_append_waits_for() {
    let store = Store::empty().await;
    // A name that another session is about to take makes an append wait in the middle of its transaction.
    let mut name = store.pool().begin().await.unwrap();
    let taken = "INSERT INTO claims VALUES ('bot.hostname', 'contested', 'bot', 'somebody')";
    sqlx::raw_sql(taken).execute(&mut *name).await.unwrap();
    let id = store.bot_id();
    let (executor, metadata) = (store.executor.clone(), store.metadata());
    let command = store.new_bot(id, "contested", 9200);
    let waiting = tokio::spawn(async move { executor.execute::<Bot>(id, command, metadata).await });
    let held = eventually(|| async {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                     AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO claims%'";
        let count: i64 = sqlx::query_scalar(waits).fetch_one(store.pool()).await.unwrap();
        if count == 1 { Some(locks(store.pool()).await) } else { None }
    })
    .await;
    let relation = ("relation".to_owned(), "RowExclusiveLock".to_owned());
    assert!(held.contains(&relation), "the events are written: {held:?}");
    for (kind, mode) in &held {
        assert_ne!(kind, "advisory");
        // The weakest lock that a writer can have; writers do not wait for each other's.
        let weak = ["AccessShareLock", "RowShareLock", "RowExclusiveLock"].contains(&mode.as_str());
        assert!(weak || kind == "tuple" || kind == "spectoken", "{kind} {mode}");
    }
    // Others come and go meanwhile.
    let (other, _) = store.create("other", 9201).await;
    store.bot(other, BotCommand::Start).await;
    assert!(!waiting.is_finished());
    name.rollback().await.unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_append_neither_locks_nor_notifies() {
    let cluster = Cluster::start();
    let db = database_in(&cluster).await;
    let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&db.pool).await.unwrap();
    sqlx::raw_sql(&format!("ALTER DATABASE {name} SET log_statement = 'all'"))
        .execute(&db.pool)
        .await
        .unwrap();
    let silent = cluster.log().len();
    let pool = clawplane_eventstore::database::connect(&db.url, 2).await.unwrap();
    let executor = clawplane_eventstore::Executor::new(pool.clone(), clawplane_eventstore::Wakeup::default());
    let store = Store::over(db);
    let id = store.bot_id();
    executor.execute::<Bot>(id, store.new_bot(id, "a", 9200), store.metadata()).await.unwrap();
    executor.execute::<Bot>(id, BotCommand::Start, store.metadata()).await.unwrap();
    let usage =
        clawplane_eventstore::UsageAppender::new(pool.clone(), clawplane_eventstore::Wakeup::default());
    usage.append("p:1", &[(1, crate::usage::record(&store, 1))]).await.unwrap();

    let log = cluster.log()[silent..].to_lowercase();
    assert_eq!(log.matches("insert into events").count(), 3, "the log shows what the appends did: {log}");
    for word in ["advisory", "notify", "lock table", "serializable"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
    // Each transaction draws its id, by which the feed orders, with the events themselves (trap 4).
    let statements: Vec<_> = log.split("log:  ").collect();
    let first: Vec<_> =
        statements.windows(2).filter(|pair| pair[0].contains(": begin")).map(|pair| pair[1]).collect();
    assert_eq!(first.len(), 1, "only the creation needs a transaction of several statements: {log}");
    assert!(first[0].contains("insert into events"), "{first:?}");
    // The log has no statements of triggers: the table has none but the guard.
    let triggers: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT proname FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
         WHERE tgrelid IN ('events'::regclass, 'events_usage'::regclass, 'events_default'::regclass)",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(triggers, ["events_are_append_only"]);
}
