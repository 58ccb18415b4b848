//! Many writers on one stream.

use crate::given::{Store, now, seen};
use clawplane_domain::{
    SessionId, TokenHash, UserId,
    bot::{Bot, BotCommand, BotEvent},
    clock::Ids,
    session::{CloseReason, OpenSession, Session, SessionCommand, SessionEvent, SessionRefusal},
};
use clawplane_eventstore::{ExecuteError, StoreError};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_writers_on_one_stream_all_get_through() {
    const WRITERS: u32 = 16;
    const EACH: u32 = 10;
    let store = Arc::new(Store::empty().await);
    let (id, _) = store.create("busy", 9200).await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            let mut positions = Vec::new();
            for n in 0..EACH {
                let committed = store.bot(id, seen(1 + writer * EACH + n)).await;
                assert_eq!(committed.events.len(), 1);
                positions.push(committed.position.unwrap());
            }
            positions
        });
    }
    let positions: BTreeSet<_> = writers.join_all().await.into_iter().flatten().collect();
    let count = (WRITERS * EACH) as usize;
    assert_eq!(positions.len(), count, "each command has a place of its own");

    let events = store.feed_of(2 + count).await;
    let sequences: Vec<_> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=2 + count as u64).collect::<Vec<_>>(), "no hole, none twice");
    let told: BTreeSet<_> = events[2..].iter().map(|event| event.position).collect();
    assert_eq!(told, positions, "everybody was told the right place");
    let observed = |event: &BotEvent| match event {
        BotEvent::Observed { observation } => observation.restarts,
        other => panic!("{other:?}"),
    };
    let restarts: Vec<_> = events[2..].iter().map(|event| observed(&event.decode().unwrap())).collect();
    let all: BTreeSet<_> = restarts.iter().copied().collect();
    assert_eq!(all, (1..=WRITERS * EACH).collect(), "no update is lost, none is there twice");
    let bot: Bot = store.executor.load(&id.to_string()).await.unwrap();
    assert_eq!(Some(&bot.profile.unwrap().observed.restarts), restarts.last());
}

/// A decision is made on the newest state only: of many that present one token, one is first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_race_for_one_refresh_token_has_one_winner() {
    let store = Store::empty().await;
    let id = SessionId(store.ids.uuid());
    let expires_at = now() + Duration::from_hours(1);
    let first = TokenHash::of("first");
    let (user_id, tenant_id) = (UserId(store.ids.uuid()), store.tenant);
    let session = OpenSession { id, user_id, tenant_id, refresh_hash: first, expires_at };
    store.executor.execute::<Session>(id, SessionCommand::Open(session), store.metadata()).await.unwrap();
    let mut racers = JoinSet::new();
    for racer in 0..16 {
        let next = TokenHash::of(&format!("next {racer}"));
        let command = SessionCommand::Refresh { presented: first, next, expires_at, at: now() };
        let (executor, metadata) = (store.executor.clone(), store.metadata());
        racers.spawn(async move { executor.execute::<Session>(id, command, metadata).await });
    }
    let (mut refreshed, mut closed, mut refused) = (0, 0, 0);
    for result in racers.join_all().await {
        match result.map(|committed| committed.events) {
            Ok(events) if matches!(events[..], [SessionEvent::Refreshed { .. }]) => refreshed += 1,
            Ok(events) => {
                assert_eq!(events, [SessionEvent::Closed { reason: CloseReason::TokenReuse }]);
                closed += 1;
            }
            Err(ExecuteError::Refused(SessionRefusal::Invalid)) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((refreshed, closed, refused), (1, 1, 14));
}

/// Retries have an end. A trigger plays the rival who is always faster, then a database that is broken.
#[tokio::test]
async fn a_command_that_always_loses_gives_up_and_one_that_fails_does_not_try_again() {
    let store = Store::empty().await;
    let (id, _) = store.create("busy", 9200).await;
    let fail_with = async |code: &str| {
        let sql = format!(
            "CREATE SEQUENCE IF NOT EXISTS tries;
             CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN PERFORM nextval('tries'); RAISE EXCEPTION 'played' USING ERRCODE = '{code}'; END $$;
             CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION fail()"
        );
        sqlx::raw_sql(&sql).execute(store.pool()).await.unwrap();
        let result = store.executor.execute::<Bot>(id, BotCommand::Start, store.metadata()).await;
        let tries: i64 =
            sqlx::query_scalar("SELECT last_value FROM tries").fetch_one(store.pool()).await.unwrap();
        (result, tries)
    };
    let (contended, tries) = fail_with("unique_violation").await;
    assert!(matches!(contended, Err(ExecuteError::Contended)), "{contended:?}");
    assert_eq!(tries, 40);
    let (failed, tries) = fail_with("disk_full").await;
    assert!(matches!(failed, Err(ExecuteError::Store(StoreError::Database(_)))), "{failed:?}");
    assert_eq!(tries, 41);
    sqlx::raw_sql("DROP TRIGGER fail ON events").execute(store.pool()).await.unwrap();
    assert_eq!(store.bot(id, BotCommand::Start).await.events, [BotEvent::StartRequested {}]);
}
