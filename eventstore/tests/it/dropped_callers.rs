//! A caller that goes away between decision and commit, as a disconnecting client does.

use crate::given::{Store, eventually};
use clawplane_domain::{bot::Bot, claim::Scope};
use clawplane_eventstore::{ClaimTable, Context, Executor, Idempotency};
use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

async fn poll_times(future: impl Future, times: u32) {
    let mut future = pin!(future);
    for _ in 0..times {
        if poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await.is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn count(store: &Store, sql: &str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(store.pool()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_a_caller_goes_its_command_is_done_wholly_or_never_began() {
    const CALLERS: u16 = 60;
    let store = Store::empty().await;
    let mut ids = Vec::new();
    for polls in 0..CALLERS {
        let id = store.bot_id();
        let hostname = format!("bot-{polls}");
        let idempotency = Some(Idempotency { key: hostname.clone(), fingerprint: String::new() });
        let context = Context { metadata: store.metadata(), idempotency };
        let command = store.new_bot(id, &hostname, 9200 + polls);
        poll_times(store.executor.execute::<Bot>(id, command, context), u32::from(polls)).await;
        ids.push(id);
    }
    store.executor.drained().await;
    let claims = ClaimTable::new(store.pool().clone());
    for (polls, id) in ids.iter().enumerate() {
        let bot: Bot = store.executor.load(&id.to_string()).await.unwrap();
        // Never polled, never begun; from the first poll on, done with all that belongs to it.
        assert_eq!(bot.profile.is_some(), polls > 0, "after {polls} polls");
        assert_eq!(bot.profile.is_some_and(|bot| bot.token.is_some()), polls > 0, "after {polls} polls");
        let holder = claims.holder(Scope::BotHostname, &format!("bot-{polls}")).await.unwrap();
        assert_eq!(holder.is_some(), polls > 0, "after {polls} polls");
    }
    assert_eq!(count(&store, "SELECT count(*) FROM command_keys").await, i64::from(CALLERS) - 1);
    assert_eq!(count(&store, "SELECT count(*) FROM events").await, 2 * (i64::from(CALLERS) - 1));
}

/// The worst moment of all: events written, transaction open, caller gone, platform shutting down.
#[tokio::test]
async fn shutting_down_waits_for_a_command_whose_caller_is_gone() {
    let store = Store::empty().await;
    let mut name = store.pool().begin().await.unwrap();
    let taken = "INSERT INTO claims VALUES ('bot.hostname', 'a', 'bot', 'somebody')";
    sqlx::raw_sql(taken).execute(&mut *name).await.unwrap();
    let id = store.bot_id();
    let (executor, command, metadata) =
        (store.executor.clone(), store.new_bot(id, "a", 9200), store.metadata());
    let caller = tokio::spawn(async move { executor.execute::<Bot>(id, command, metadata).await });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                 AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO claims%'";
    eventually(|| async { (count(&store, waits).await == 1).then_some(()) }).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());

    let drained: Executor = store.executor.clone();
    let mut drained = Box::pin(async move { drained.drained().await });
    let first = poll_fn(|context| Poll::Ready(drained.as_mut().poll(context))).await;
    assert!(first.is_pending(), "the command still runs");
    assert_eq!(count(&store, "SELECT count(*) FROM events").await, 0);
    name.rollback().await.unwrap();
    drained.await;
    assert_eq!(count(&store, "SELECT count(*) FROM events").await, 2);
}
