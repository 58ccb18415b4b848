//! How far readers have come.

use crate::given::Store;
use clawplane_domain::{
    SessionId, TokenHash, UserId,
    bot::BotCommand,
    clock::Ids,
    session::{OpenSession, Session, SessionCommand},
};
use clawplane_eventstore::{Checkpoints, Filter, Position};

const BOTS: Filter = Filter::Types(&["bot"]);
const SESSIONS: Filter = Filter::Types(&["session"]);

async fn sign_in(store: &Store) -> Position {
    let id = SessionId(store.ids.uuid());
    let session = OpenSession {
        id,
        user_id: UserId(store.ids.uuid()),
        tenant_id: store.tenant,
        refresh_hash: TokenHash::of("r"),
        expires_at: crate::given::now(),
    };
    let opened = store.executor.execute::<Session>(id, SessionCommand::Open(session), store.metadata()).await;
    opened.unwrap().position.unwrap()
}

#[tokio::test]
async fn a_checkpoint_moves_with_the_transaction_of_its_reader() {
    let store = Store::empty().await;
    let checkpoints = Checkpoints::new(store.pool().clone());
    assert_eq!(checkpoints.get("r").await.unwrap(), Position::START);
    let there = Position { tx_id: u64::MAX >> 1, global: i64::MAX };

    let mut tx = store.pool().begin().await.unwrap();
    assert_eq!(Checkpoints::lock(&mut tx, "r").await.unwrap(), Position::START);
    Checkpoints::set(&mut tx, "r", there).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(checkpoints.get("r").await.unwrap(), Position::START);

    let mut tx = store.pool().begin().await.unwrap();
    Checkpoints::lock(&mut tx, "r").await.unwrap();
    Checkpoints::set(&mut tx, "r", there).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(checkpoints.get("r").await.unwrap(), there);
    assert_eq!(checkpoints.get("other").await.unwrap(), Position::START);
    checkpoints.store("r", Position::START).await.unwrap();
    assert_eq!(checkpoints.get("r").await.unwrap(), Position::START);
}

#[tokio::test]
async fn two_readers_of_one_name_cannot_be_in_one_batch() {
    let store = Store::empty().await;
    Checkpoints::new(store.pool().clone()).store("r", Position::START).await.unwrap();
    let mut first = store.pool().begin().await.unwrap();
    Checkpoints::lock(&mut first, "r").await.unwrap();
    let second = sqlx::query("SELECT 1 FROM checkpoints WHERE name = 'r' FOR UPDATE NOWAIT");
    let error = second.execute(store.pool()).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("55P03"), "lock not available");
    first.commit().await.unwrap();
    let mut next = store.pool().begin().await.unwrap();
    Checkpoints::lock(&mut next, "r").await.unwrap();
}

#[tokio::test]
async fn a_reader_has_seen_what_lies_at_or_before_its_checkpoint() {
    let store = Store::empty().await;
    let checkpoints = Checkpoints::new(store.pool().clone());
    let (id, created) = store.create("a", 9200).await;
    let started = store.bot(id, BotCommand::Start).await;
    let (created, started) = (created.position.unwrap(), started.position.unwrap());
    assert!(
        !checkpoints.has_seen("r", BOTS, created).await.unwrap(),
        "a reader that never wrote is at the start"
    );
    checkpoints.store("r", created).await.unwrap();
    assert!(checkpoints.has_seen("r", BOTS, created).await.unwrap());
    assert!(!checkpoints.has_seen("r", BOTS, started).await.unwrap());
    checkpoints.store("r", started).await.unwrap();
    assert!(checkpoints.has_seen("r", BOTS, created).await.unwrap());
    assert!(checkpoints.has_seen("r", BOTS, started).await.unwrap());
}

/// A filtered reader never moves over what is not its own, and must not keep anybody waiting for it.
#[tokio::test]
async fn events_of_other_streams_need_not_be_seen() {
    let store = Store::empty().await;
    let checkpoints = Checkpoints::new(store.pool().clone());
    let created = store.create("a", 9200).await.1.position.unwrap();
    checkpoints.store("r", created).await.unwrap();
    let signed_in = sign_in(&store).await;
    assert!(checkpoints.has_seen("r", BOTS, signed_in).await.unwrap(), "nothing of its own lies in between");
    assert!(!checkpoints.has_seen("r", SESSIONS, signed_in).await.unwrap());
    assert!(!checkpoints.has_seen("r", Filter::All, signed_in).await.unwrap());
    store.create("b", 9201).await;
    assert!(checkpoints.has_seen("r", BOTS, signed_in).await.unwrap(), "what comes later does not count");
    let later = sign_in(&store).await;
    assert!(
        !checkpoints.has_seen("r", BOTS, later).await.unwrap(),
        "now something of its own lies in between"
    );
}

/// What a replica that lags sees of a command that was just done elsewhere: nothing yet.
#[tokio::test]
async fn a_position_that_is_not_visible_here_was_not_seen() {
    let store = Store::empty().await;
    let checkpoints = Checkpoints::new(store.pool().clone());
    let created = store.create("a", 9200).await.1.position.unwrap();
    checkpoints.store("r", created).await.unwrap();
    let unknown = Position { tx_id: created.tx_id + 1000, global: created.global + 1 };
    assert!(!checkpoints.has_seen("r", BOTS, unknown).await.unwrap());
    assert!(!checkpoints.has_seen("r", SESSIONS, unknown).await.unwrap());
}
