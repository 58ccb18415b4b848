//! Disabled, cooling, recovered: each news once.

use super::{super::*, added, deleted, sealed};
use crate::{
    Timestamp,
    testing::{given, id},
};

fn at(second: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(second)
}

fn by_proxy(status: u16) -> Disabling {
    Disabling { by: DisabledBy::Proxy, reason: "the vendor refused it".into(), status: Some(status) }
}

fn by_person() -> Disabling {
    Disabling { by: DisabledBy::Person, reason: "leaked".into(), status: None }
}

pub(super) fn refused(status: u16) -> KeyCommand {
    KeyCommand::Disable { disabling: by_proxy(status), secret: Some(id(4)) }
}

fn taken_out() -> KeyCommand {
    KeyCommand::Disable { disabling: by_person(), secret: None }
}

fn cooling(until: u64) -> Cooling {
    Cooling { until: at(until), code: CoolCode::RateLimited, status: Some(429), failures: 1 }
}

pub(super) fn cool(until: u64) -> KeyCommand {
    KeyCommand::Cool { cooling: cooling(until), secret: id(4) }
}

fn disabled(disabling: Disabling) -> KeyEvent {
    KeyEvent::Disabled { disabling }
}

fn cooled(until: u64) -> KeyEvent {
    KeyEvent::Cooled { cooling: cooling(until) }
}

fn recover() -> KeyCommand {
    KeyCommand::Recover { secret: id(4) }
}

fn verified() -> KeyCommand {
    KeyCommand::Verified { secret: id(4) }
}

#[test]
fn a_second_disabling_writes_nothing() {
    let state = given::<ProviderKey>([added()]).when(refused(401)).then([disabled(by_proxy(401))]);
    assert_eq!(state.disabled, Some(by_proxy(401)));
    given::<ProviderKey>([added(), disabled(by_proxy(401))]).when(refused(403)).then_nothing();
    given::<ProviderKey>([added(), disabled(by_person())]).when(taken_out()).then_nothing();
    given::<ProviderKey>([added(), disabled(by_person())]).when(refused(401)).then_nothing();
    given::<ProviderKey>([]).when(taken_out()).refused(&KeyRefusal::Unknown);
    given::<ProviderKey>([added(), deleted()]).when(refused(401)).refused(&KeyRefusal::Unknown);
}

#[test]
fn a_person_takes_over_what_the_proxy_disabled() {
    let before = [added(), disabled(by_proxy(401))];
    given::<ProviderKey>(before).when(taken_out()).then([disabled(by_person())]);
}

#[test]
fn a_reason_can_be_stored() {
    let long = Disabling { reason: format!("a\0b{}", "x".repeat(2 * health::MAX_REASON)), ..by_person() };
    let command = KeyCommand::Disable { disabling: long, secret: None };
    let state = given::<ProviderKey>([added()]).when(command);
    let kept = format!("ab{}", "x".repeat(health::MAX_REASON - 2));
    state.then([disabled(Disabling { reason: kept, ..by_person() })]);
}

#[test]
fn enabling_gives_a_clean_record_once() {
    for before in [disabled(by_person()), disabled(by_proxy(403)), cooled(9)] {
        let state = given::<ProviderKey>([added(), before]).when(KeyCommand::Enable);
        let state = state.then([KeyEvent::Enabled {}]);
        assert_eq!((state.disabled, state.cooling), (None, None));
    }
    given::<ProviderKey>([added()]).when(KeyCommand::Enable).then_nothing();
    given::<ProviderKey>([added(), deleted()]).when(KeyCommand::Enable).refused(&KeyRefusal::Unknown);
}

#[test]
fn only_a_longer_cool_down_is_news() {
    let state = given::<ProviderKey>([added()]).when(cool(5)).then([cooled(5)]);
    assert_eq!(state.cooling, Some(cooling(5)));
    given::<ProviderKey>([added(), cooled(5)]).when(cool(5)).then_nothing();
    given::<ProviderKey>([added(), cooled(5)]).when(cool(4)).then_nothing();
    given::<ProviderKey>([added(), cooled(5)]).when(cool(6)).then([cooled(6)]);
    given::<ProviderKey>([added(), disabled(by_person())]).when(cool(6)).then_nothing();
    let state = given::<ProviderKey>([added(), cooled(5)]).when(refused(401)).then([disabled(by_proxy(401))]);
    assert_eq!(state.cooling, None, "a disabled key is that and nothing else");
}

#[test]
fn a_success_ends_a_cool_down() {
    let state = given::<ProviderKey>([added(), cooled(5)]).when(recover()).then([KeyEvent::Recovered {}]);
    assert_eq!(state.cooling, None);
    given::<ProviderKey>([added()]).when(recover()).then_nothing();
    given::<ProviderKey>([added(), disabled(by_proxy(401))]).when(recover()).then_nothing();
}

#[test]
fn a_verified_key_is_free_of_what_the_proxy_held_against_it() {
    given::<ProviderKey>([added(), cooled(5)]).when(verified()).then([KeyEvent::Recovered {}]);
    given::<ProviderKey>([added(), disabled(by_proxy(401))]).when(verified()).then([KeyEvent::Enabled {}]);
    given::<ProviderKey>([added(), disabled(by_person())]).when(verified()).then_nothing();
    given::<ProviderKey>([added()]).when(verified()).then_nothing();
}

#[test]
fn news_of_a_secret_that_was_rotated_away_are_none() {
    let rotated = KeyEvent::Rotated { sealed: sealed(5), previous_data_key_id: id(4) };
    for old in [refused(401), cool(9), recover(), verified()] {
        given::<ProviderKey>([added(), rotated.clone()]).when(old).then_nothing();
    }
    let state = given::<ProviderKey>([added(), cooled(5)]).when(KeyCommand::Rotate(sealed(5)));
    assert_eq!(state.then([rotated.clone()]).cooling, None, "the new secret has not failed yet");
    let state = given::<ProviderKey>([added(), disabled(by_person())]).when(KeyCommand::Rotate(sealed(5)));
    assert!(state.then([rotated]).disabled.is_some(), "somebody disabled it, somebody enables it");
}
