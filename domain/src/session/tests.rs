use super::*;
use crate::testing::{at, given, id, replay_equals_live};
use proptest::prelude::*;

fn hash(n: u32) -> TokenHash {
    TokenHash::of(&format!("token {n}"))
}

fn session() -> OpenSession {
    OpenSession { id: id(1), user_id: id(2), tenant_id: id(3), refresh_hash: hash(1), expires_at: at(100) }
}

fn opened() -> SessionEvent {
    SessionEvent::Opened { session: session() }
}

fn refresh(presented: u32, next: u32, now: i64) -> SessionCommand {
    SessionCommand::Refresh {
        presented: hash(presented),
        next: hash(next),
        expires_at: at(now + 100),
        at: at(now),
    }
}

fn refreshed(next: u32, now: i64) -> SessionEvent {
    SessionEvent::Refreshed { refresh_hash: hash(next), expires_at: at(now + 100) }
}

fn closed(reason: CloseReason) -> SessionEvent {
    SessionEvent::Closed { reason }
}

#[test]
fn a_session_is_opened_once() {
    let state = given::<Session>([]).when(SessionCommand::Open(session())).then([opened()]);
    assert_eq!((state.open, state.used), (Some(session()), Vec::new()));
    given::<Session>([opened()]).when(SessionCommand::Open(session())).refused(&SessionRefusal::Exists);
    given::<Session>([opened(), closed(CloseReason::Logout)])
        .when(SessionCommand::Open(session()))
        .refused(&SessionRefusal::Exists);
}

#[test]
fn a_refresh_token_is_good_for_one_use() {
    let state = given::<Session>([opened()]).when(refresh(1, 2, 10)).then([refreshed(2, 10)]);
    assert_eq!(state.used, [hash(1)]);
    assert_eq!(state.open, Some(OpenSession { refresh_hash: hash(2), expires_at: at(110), ..session() }));
    given::<Session>([opened(), refreshed(2, 10)]).when(refresh(2, 3, 20)).then([refreshed(3, 20)]);
}

#[test]
fn a_token_that_comes_again_closes_the_session() {
    let reuse = || closed(CloseReason::TokenReuse);
    let history = || [opened(), refreshed(2, 10), refreshed(3, 20)];
    let state = given::<Session>(history()).when(refresh(1, 4, 30)).then([reuse()]);
    assert_eq!((state.open, state.used), (None, vec![hash(1), hash(2), hash(3)]));
    given::<Session>(history()).when(refresh(2, 4, 30)).then([reuse()]);
    // Even when it is late: somebody has a copy, and that is what counts.
    given::<Session>(history()).when(refresh(1, 4, 10_000)).then([reuse()]);
    given::<Session>(history().into_iter().chain([reuse()]))
        .when(refresh(3, 4, 30))
        .refused(&SessionRefusal::Invalid);
}

#[test]
fn a_wrong_or_late_token_is_refused_alike() {
    given::<Session>([]).when(refresh(1, 2, 10)).refused(&SessionRefusal::Invalid);
    given::<Session>([opened()]).when(refresh(7, 2, 10)).refused(&SessionRefusal::Invalid);
    given::<Session>([opened()]).when(refresh(1, 2, 100)).refused(&SessionRefusal::Invalid);
    given::<Session>([opened()]).when(refresh(1, 2, 99)).then([refreshed(2, 99)]);
}

#[test]
fn a_closed_session_stays_closed() {
    let logout = || closed(CloseReason::Logout);
    let state = given::<Session>([opened()]).when(SessionCommand::Close).then([logout()]);
    assert_eq!((state.open, state.used), (None, vec![hash(1)]));
    given::<Session>([opened(), logout()]).when(SessionCommand::Close).then_nothing();
    given::<Session>([opened(), logout()]).when(refresh(1, 2, 10)).refused(&SessionRefusal::Invalid);
    given::<Session>([]).when(SessionCommand::Close).then_nothing();
}

fn any_command() -> impl Strategy<Value = SessionCommand> {
    prop_oneof![
        2 => Just(SessionCommand::Open(session())),
        6 => (0..6_u32, 0..6_u32, 0..200_i64).prop_map(|(presented, next, now)| refresh(presented, next, now)),
        1 => Just(SessionCommand::Close),
    ]
}

proptest! {
    #[test]
    fn replay_is_the_live_state(commands in prop::collection::vec(any_command(), 0..30)) {
        replay_equals_live::<Session>(commands);
    }
}
