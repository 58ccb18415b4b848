mod health;

use super::{
    commands::{MAX_TAGS, MAX_WEIGHT},
    *,
};
use crate::{
    SealedSecret,
    testing::{given, id, replay_equals_live, value},
};
use proptest::prelude::*;

fn key() -> AddKey {
    AddKey {
        id: id(1),
        tenant_id: id(2),
        created_by: id(3),
        vendor: value("openai"),
        label: value("main"),
        tags: vec![value("eu")],
        weight: 1,
        base_url: None,
        api_type: None,
        on_disconnect: OnDisconnect::Cancel,
        sealed: sealed(4),
    }
}

fn sealed(data_key: u128) -> SealedSecret {
    SealedSecret { data_key_id: id(data_key), nonce: "00".repeat(12), ciphertext: "ff".into() }
}

fn add(key: AddKey) -> KeyCommand {
    KeyCommand::Add(Box::new(key))
}

fn added() -> KeyEvent {
    KeyEvent::Added { key: key() }
}

fn deleted() -> KeyEvent {
    KeyEvent::Deleted { data_key_id: id(4) }
}

#[test]
fn a_key_is_added_once() {
    let state = given::<ProviderKey>([]).when(add(key())).then([added()]);
    assert_eq!((state.key, state.deleted), (Some(key()), false));
    given::<ProviderKey>([added()]).when(add(key())).refused(&KeyRefusal::Exists);
    given::<ProviderKey>([added(), deleted()]).when(add(key())).refused(&KeyRefusal::Exists);
}

#[test]
fn a_deleted_key_names_the_data_key_to_destroy() {
    let state = given::<ProviderKey>([added()]).when(KeyCommand::Delete).then([deleted()]);
    assert!(state.deleted && state.key.is_some());
    given::<ProviderKey>([]).when(KeyCommand::Delete).refused(&KeyRefusal::Unknown);
    given::<ProviderKey>([added(), deleted()]).when(KeyCommand::Delete).refused(&KeyRefusal::Unknown);
}

#[test]
fn weights_and_tags_are_bounded() {
    for weight in [0, MAX_WEIGHT + 1, u32::MAX] {
        given::<ProviderKey>([]).when(add(AddKey { weight, ..key() })).refused(&KeyRefusal::Weight);
    }
    let tags = |count: usize| (0..count).map(|n| value(&format!("t{n}"))).collect();
    let too_many = AddKey { tags: tags(MAX_TAGS + 1), ..key() };
    given::<ProviderKey>([]).when(add(too_many)).refused(&KeyRefusal::TooManyTags);
    let full = AddKey { tags: tags(MAX_TAGS), weight: MAX_WEIGHT, ..key() };
    given::<ProviderKey>([]).when(add(full.clone())).then([KeyEvent::Added { key: full }]);
}

#[test]
fn a_key_keeps_what_becomes_of_abandoned_requests() {
    let draining = AddKey { on_disconnect: OnDisconnect::Drain, ..key() };
    let state =
        given::<ProviderKey>([]).when(add(draining.clone())).then([KeyEvent::Added { key: draining }]);
    assert_eq!(state.key.map(|key| key.on_disconnect), Some(OnDisconnect::Drain));
}

#[test]
fn a_change_changes_what_it_names_and_is_bounded_too() {
    let change = |change| KeyCommand::Change(change);
    let renamed = KeyChange { label: Some(value("spare")), ..KeyChange::default() };
    let event = KeyEvent::Changed { label: value("spare"), tags: vec![value("eu")], weight: 1 };
    let state = given::<ProviderKey>([added()]).when(change(renamed.clone())).then([event.clone()]);
    assert_eq!(state.key, Some(AddKey { label: value("spare"), ..key() }));
    given::<ProviderKey>([added(), event]).when(change(renamed.clone())).then_nothing();
    given::<ProviderKey>([added()]).when(change(KeyChange::default())).then_nothing();
    let light = KeyChange { weight: Some(0), ..KeyChange::default() };
    given::<ProviderKey>([added()]).when(change(light)).refused(&KeyRefusal::Weight);
    let tags = Some((0..=MAX_TAGS).map(|n| value(&format!("t{n}"))).collect());
    let tagged = KeyChange { tags, ..KeyChange::default() };
    given::<ProviderKey>([added()]).when(change(tagged)).refused(&KeyRefusal::TooManyTags);
    given::<ProviderKey>([]).when(change(renamed.clone())).refused(&KeyRefusal::Unknown);
    given::<ProviderKey>([added(), deleted()]).when(change(renamed)).refused(&KeyRefusal::Unknown);
}

#[test]
fn a_rotated_key_names_the_data_key_to_destroy() {
    let rotated = KeyEvent::Rotated { sealed: sealed(5), previous_data_key_id: id(4) };
    assert_eq!((rotated.shreds(), deleted().shreds(), added().shreds()), (Some(id(4)), Some(id(4)), None));
    let state = given::<ProviderKey>([added()]).when(KeyCommand::Rotate(sealed(5))).then([rotated.clone()]);
    assert_eq!(state.key, Some(AddKey { sealed: sealed(5), ..key() }));
    given::<ProviderKey>([added(), rotated.clone()]).when(KeyCommand::Rotate(sealed(5))).then_nothing();
    let last = KeyEvent::Deleted { data_key_id: id(5) };
    given::<ProviderKey>([added(), rotated]).when(KeyCommand::Delete).then([last]);
    let gone = given::<ProviderKey>([added(), deleted()]).when(KeyCommand::Rotate(sealed(5)));
    gone.refused(&KeyRefusal::Unknown);
}

#[test]
fn a_custom_vendor_says_where_it_is_and_what_it_speaks() {
    let custom = AddKey {
        vendor: value("custom"),
        base_url: Some(value("http://llm.internal:8000/v1")),
        api_type: Some(ApiType::Openai),
        ..key()
    };
    let nowhere = AddKey { base_url: None, ..custom.clone() };
    given::<ProviderKey>([]).when(add(nowhere)).refused(&KeyRefusal::CustomNeeds { field: "baseUrl" });
    let mute = AddKey { api_type: None, ..custom.clone() };
    given::<ProviderKey>([]).when(add(mute)).refused(&KeyRefusal::CustomNeeds { field: "apiType" });
    given::<ProviderKey>([]).when(add(custom.clone())).then([KeyEvent::Added { key: custom }]);
}

proptest! {
    #[test]
    fn replay_is_the_live_state(weights in prop::collection::vec((0..9_u8, 0..2000_u32), 0..12)) {
        let command = |(kind, weight): (u8, u32)| match kind {
            0 => KeyCommand::Delete,
            1 => KeyCommand::Change(KeyChange { weight: Some(weight), ..KeyChange::default() }),
            2 => KeyCommand::Rotate(sealed(u128::from(weight % 3))),
            3 => health::refused(401),
            4 => KeyCommand::Enable,
            5 => health::cool(u64::from(weight)),
            6 => KeyCommand::Recover { secret: id(4) },
            7 => KeyCommand::Verified { secret: id(4) },
            _ => add(AddKey { weight, ..key() }),
        };
        let state = replay_equals_live::<ProviderKey>(weights.into_iter().map(command));
        prop_assert!(state.disabled.is_none() || state.cooling.is_none());
        prop_assert!(state.key.is_none_or(|key| (1..=MAX_WEIGHT).contains(&key.weight)));
    }
}
