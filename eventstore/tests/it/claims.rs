//! Names that may exist once.

use crate::given::Store;
use clawplane_domain::{
    bot::{Bot, BotCommand},
    claim::{Claim, Scope},
};
use clawplane_eventstore::{ClaimTable, ExecuteError};
use tokio::task::JoinSet;

fn claims(store: &Store) -> ClaimTable {
    ClaimTable::new(store.pool().clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_who_want_one_hostname_exactly_one_gets_it() {
    let store = Store::empty().await;
    let mut racers = JoinSet::new();
    for port in 9200..9208 {
        let id = store.bot_id();
        let (executor, command, metadata) =
            (store.executor.clone(), store.new_bot(id, "wanted", port), store.metadata());
        racers.spawn(async move { (id, executor.execute::<Bot>(id, command, metadata).await) });
    }
    let mut winners = Vec::new();
    for (id, result) in racers.join_all().await {
        match result {
            Ok(_) => winners.push(id),
            Err(ExecuteError::Taken(claim)) => assert_eq!(claim, Claim::new(Scope::BotHostname, &"wanted")),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    let holder = claims(&store).holder(Scope::BotHostname, "wanted").await.unwrap();
    assert_eq!(holder, Some(winners[0].to_string()));
    assert_eq!(store.feed_of(2).await.len(), 2, "of the others nothing is stored");
    let held: i64 = sqlx::query_scalar("SELECT count(*) FROM claims").fetch_one(store.pool()).await.unwrap();
    assert_eq!(held, 2, "of the others no port is taken either");
}

#[tokio::test]
async fn the_name_that_is_taken_is_named() {
    let store = Store::empty().await;
    store.create("a", 9200).await;
    let id = store.bot_id();
    let port =
        store.executor.execute::<Bot>(id, store.new_bot(id, "b", 9200), store.metadata()).await.unwrap_err();
    assert_eq!(port.to_string(), "bot.port `9200` is taken");
    assert_eq!(claims(&store).holder(Scope::BotHostname, "b").await.unwrap(), None);
}

#[tokio::test]
async fn a_deleted_bot_gives_its_hostname_back_at_once_and_its_port_when_it_is_gone() {
    let store = Store::empty().await;
    let (old, _) = store.create("a", 9200).await;
    assert_eq!(claims(&store).lowest_free_port(9200).await.unwrap(), Some(9201));
    store.bot(old, BotCommand::Delete).await;
    assert_eq!(claims(&store).holder(Scope::BotHostname, "a").await.unwrap(), None);
    assert_eq!(
        claims(&store).lowest_free_port(9200).await.unwrap(),
        Some(9201),
        "its container may still run"
    );

    let (new, _) = store.create("a", 9201).await;
    store.bot(old, BotCommand::ConfirmRemoved).await;
    assert_eq!(claims(&store).lowest_free_port(9200).await.unwrap(), Some(9200));
    let holder = claims(&store).holder(Scope::BotHostname, "a").await.unwrap();
    assert_eq!(holder, Some(new.to_string()), "the old bot's end does not touch the new one's name");
}

#[tokio::test]
async fn there_is_no_port_above_the_last() {
    let store = Store::empty().await;
    store.create("a", u16::MAX).await;
    assert_eq!(claims(&store).lowest_free_port(u16::MAX).await.unwrap(), None);
}
