//! One key, one effect, one answer.

use crate::given::{Store, seen};
use clawplane_domain::{
    BotId, TenantId,
    bot::{Bot, BotCommand, BotEvent, BotRefusal, Desired},
    clock::Ids,
    quota::{Quota, QuotaCommand, QuotaLimits, QuotaSubject},
};
use clawplane_eventstore::{Committed, Context, ExecuteError, Idempotency};

fn keyed(store: &Store, key: &str, fingerprint: &str) -> Context {
    let idempotency = Idempotency { key: key.into(), fingerprint: fingerprint.into() };
    Context { metadata: store.metadata(), idempotency: Some(idempotency) }
}

fn answer(
    committed: &Committed<BotEvent>,
) -> (String, Vec<BotEvent>, Option<clawplane_eventstore::Position>) {
    (committed.aggregate_id.clone(), committed.events.clone(), committed.position)
}

async fn desired(store: &Store, id: BotId) -> Desired {
    store.executor.load::<Bot>(&id.to_string()).await.unwrap().profile.unwrap().desired
}

#[tokio::test]
async fn a_repeated_command_is_answered_and_not_done_again() {
    let store = Store::empty().await;
    let (id, _) = store.create("a", 9200).await;
    let first = store.executor.execute::<Bot>(id, seen(1), keyed(&store, "k", "seen 1")).await.unwrap();
    store.bot(id, seen(2)).await;
    let second = store.executor.execute::<Bot>(id, seen(1), keyed(&store, "k", "seen 1")).await.unwrap();
    assert!(!first.replayed && second.replayed);
    assert_eq!(answer(&first), answer(&second));
    assert_eq!(store.feed_of(4).await.len(), 4);
}

#[tokio::test]
async fn a_repeated_creation_answers_with_the_first_id() {
    let store = Store::empty().await;
    let (first_id, second_id) = (store.bot_id(), store.bot_id());
    let create =
        |id| store.executor.execute::<Bot>(id, store.new_bot(id, "a", 9200), keyed(&store, "k", "create a"));
    let first = create(first_id).await.unwrap();
    let second = create(second_id).await.unwrap();
    assert_eq!(second.aggregate_id, first_id.to_string());
    assert_eq!(answer(&first), answer(&second));
    assert_eq!(first.events.len(), 2);
    assert_eq!(store.executor.load::<Bot>(&second_id.to_string()).await.unwrap(), Bot::default());
}

/// Each on its way before any has ended: a client that retries too early. All make a new id and want one name.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_creation_eight_times_at_once_has_one_effect_and_one_answer() {
    for round in 0..10 {
        let store = Store::empty().await;
        let mut answers = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let id = store.bot_id();
            let (executor, command) = (store.executor.clone(), store.new_bot(id, "a", 9200));
            let context = keyed(&store, "k", "create a");
            answers.spawn(async move { executor.execute::<Bot>(id, command, context).await.unwrap() });
        }
        let answers = answers.join_all().await;
        assert_eq!(answers.iter().filter(|committed| !committed.replayed).count(), 1, "round {round}");
        for other in &answers[1..] {
            let (mut left, mut right) = (answer(&answers[0]), answer(other));
            // Each caller brought its own creator's id; the first one's is what all are told.
            assert_eq!(left.1.len(), right.1.len());
            assert_eq!(std::mem::take(&mut left), std::mem::take(&mut right), "round {round}");
        }
        assert_eq!(store.feed_of(2).await.len(), 2);
    }
}

/// The loser of this race finds nothing to change, and still has to give the winner's answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_start_eight_times_at_once_has_one_effect_and_one_answer() {
    let store = Store::empty().await;
    for round in 0..10_u16 {
        let (id, _) = store.create(&format!("bot-{round}"), 9200 + round).await;
        let mut answers = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let executor = store.executor.clone();
            let context = keyed(&store, &format!("start {round}"), "start");
            answers
                .spawn(async move { executor.execute::<Bot>(id, BotCommand::Start, context).await.unwrap() });
        }
        for committed in answers.join_all().await {
            assert_eq!(committed.events, [BotEvent::StartRequested {}], "round {round}");
            assert!(committed.position.is_some());
        }
    }
}

/// The loser of this race is refused by what the winner did, and still has to give the winner's answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_deletion_eight_times_at_once_has_one_effect_and_one_answer() {
    let store = Store::empty().await;
    for round in 0..10_u16 {
        let (id, _) = store.create(&format!("bot-{round}"), 9200 + round).await;
        let mut answers = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let executor = store.executor.clone();
            let context = keyed(&store, &format!("delete {round}"), "delete");
            answers.spawn(async move { executor.execute::<Bot>(id, BotCommand::Delete, context).await });
        }
        for result in answers.join_all().await {
            assert!(matches!(result.unwrap().events[..], [BotEvent::Deleted { .. }]), "round {round}");
        }
    }
}

#[tokio::test]
async fn a_key_cannot_be_used_for_another_command() {
    let store = Store::empty().await;
    let (id, _) = store.create("a", 9200).await;
    store.executor.execute::<Bot>(id, BotCommand::Start, keyed(&store, "k", "start")).await.unwrap();
    let other = store.executor.execute::<Bot>(id, BotCommand::Stop, keyed(&store, "k", "stop")).await;
    assert!(matches!(other, Err(ExecuteError::KeyReused)));
    let limits = QuotaLimits { daily_tokens: Some(1), ..QuotaLimits::default() };
    let command = QuotaCommand::Set { subject: QuotaSubject::bot(store.tenant, id), limits };
    let other_type = store.executor.execute::<Quota>(id, command, keyed(&store, "k", "start")).await;
    assert!(matches!(other_type, Err(ExecuteError::KeyReused)));
    assert_eq!(desired(&store, id).await, Desired::Running);
    assert_eq!(store.feed_of(3).await.len(), 3);
}

#[tokio::test]
async fn a_key_of_another_tenant_is_another_key() {
    let store = Store::empty().await;
    let (id, _) = store.create("a", 9200).await;
    store.executor.execute::<Bot>(id, seen(1), keyed(&store, "k", "x")).await.unwrap();
    let mut other = keyed(&store, "k", "y");
    other.metadata.tenant_id = TenantId(store.ids.uuid());
    assert!(!store.executor.execute::<Bot>(id, seen(2), other).await.unwrap().replayed);
}

/// A command that changed nothing changes nothing when it comes again, whatever happened in between.
#[tokio::test]
async fn a_command_without_effect_is_remembered_too() {
    let store = Store::empty().await;
    let (id, _) = store.create("a", 9200).await;
    let stop = || store.executor.execute::<Bot>(id, BotCommand::Stop, keyed(&store, "k", "stop"));
    let first = stop().await.unwrap();
    assert!(first.events.is_empty() && first.position.is_none() && !first.replayed);
    store.bot(id, BotCommand::Start).await;
    let second = stop().await.unwrap();
    assert!(second.events.is_empty() && second.position.is_none() && second.replayed);
    assert_eq!(desired(&store, id).await, Desired::Running);
}

#[tokio::test]
async fn a_refused_command_leaves_its_key_free() {
    let store = Store::empty().await;
    let id = store.bot_id();
    let start = || store.executor.execute::<Bot>(id, BotCommand::Start, keyed(&store, "k", "start"));
    assert!(matches!(start().await, Err(ExecuteError::Refused(BotRefusal::Unknown))));
    store.executor.execute::<Bot>(id, store.new_bot(id, "a", 9200), store.metadata()).await.unwrap();
    assert_eq!(start().await.unwrap().events, [BotEvent::StartRequested {}]);
}
