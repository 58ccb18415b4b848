use super::*;
use crate::{health::Fault, ports::KeyNews, testing::at};
use clawplane_domain::{DataKeyId, KeyId, Secret, provider_key::CoolCode};
use uuid::Uuid;

const PROBATION: Duration = Duration::from_secs(30);

fn tags(names: &[&str]) -> Vec<Tag> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn key(id: u128, weight: u32, names: &[&str]) -> Arc<Key> {
    Arc::new(Key {
        id: KeyId(Uuid::from_u128(id)),
        label: "key".parse().unwrap(),
        weight,
        tags: tags(names),
        endpoint: None,
        api_type: None,
        on_disconnect: clawplane_domain::provider_key::OnDisconnect::default(),
        secret: Some(Secret::new(format!("sk-{id}"))),
        data_key: DataKeyId(Uuid::from_u128(id)),
        health: Arc::default(),
    })
}

fn chosen(group: &KeyGroup, names: &[&str], count: usize) -> Vec<u128> {
    let tags = tags(names);
    (0..count).map(|_| group.choose(&tags, noon(), PROBATION).unwrap().key.id.0.as_u128()).collect()
}

fn noon() -> Timestamp {
    at("2026-11-20T12:00:00Z")
}

/// Lets a key cool down for a second, or disables it.
fn down(key: &Key, disabled: bool) {
    let fault = match disabled {
        true => Fault::Refused { status: 401 },
        false => Fault::Passing { code: CoolCode::UpstreamError, status: Some(500), after: None },
    };
    let mut told = false;
    key.health.failed(&fault, None, noon(), &crate::config::Cooldowns::default(), |news| {
        told = matches!(news, KeyNews::Cooled(_)) != disabled;
    });
    assert!(told);
}

#[test]
fn equal_keys_take_turns() {
    let group = KeyGroup::new(vec![key(2, 5, &[]), key(1, 5, &[]), key(3, 5, &[])]);
    assert_eq!(chosen(&group, &[], 7), [1, 2, 3, 1, 2, 3, 1]);
    assert!(KeyGroup::default().choose(&[], noon(), PROBATION).is_none());
}

#[test]
fn weights_are_shares_spread_evenly() {
    let group = KeyGroup::new(vec![key(1, 50, &[]), key(2, 10, &[]), key(3, 10, &[])]);
    assert_eq!(chosen(&group, &[], 14), [1, 1, 2, 1, 3, 1, 1, 1, 1, 2, 1, 3, 1, 1]);
    let uneven = KeyGroup::new(vec![key(1, 1000, &[]), key(2, 999, &[]), key(3, 997, &[]), key(4, 1, &[])]);
    let turns = chosen(&uneven, &[], 2048);
    assert!(turns.contains(&4), "even the smallest gets its turn");
}

#[test]
fn tags_come_first_then_keys_without_then_any() {
    let group = KeyGroup::new(vec![key(1, 1, &["eu"]), key(2, 1, &["us", "fast"]), key(3, 1, &[])]);
    assert_eq!(chosen(&group, &["eu"], 2), [1, 1]);
    assert_eq!(chosen(&group, &["fast", "eu"], 4), [1, 2, 1, 2]);
    assert_eq!(chosen(&group, &["asia"], 2), [3, 3]);
    assert_eq!(chosen(&group, &[], 2), [3, 3]);
    let all_tagged = KeyGroup::new(vec![key(1, 1, &["eu"]), key(2, 1, &["us"])]);
    assert_eq!(chosen(&all_tagged, &[], 2), [1, 2]);
}

#[test]
fn turns_hold_under_many_threads() {
    let group = KeyGroup::new(vec![key(1, 1, &[]), key(2, 3, &[])]);
    let counts: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| chosen(&group, &[], 100).iter().filter(|id| **id == 1).count()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(counts, 100);
}

#[test]
fn what_is_down_is_passed_over_and_the_others_keep_their_shares() {
    let keys = [key(1, 2, &[]), key(2, 1, &[]), key(3, 1, &[])];
    let group = KeyGroup::new(keys.to_vec());
    down(&keys[1], false);
    let turns = chosen(&group, &[], 12);
    let count = |id| turns.iter().filter(|turn| **turn == id).count();
    assert_eq!((count(1), count(2), count(3)), (8, 0, 4));
    down(&keys[0], true);
    assert_eq!(chosen(&group, &[], 3), [3, 3, 3]);
    down(&keys[2], false);
    assert!(group.choose(&[], noon(), PROBATION).is_none(), "all are down");
}

#[test]
fn tags_are_a_preference_among_those_that_are_well() {
    let keys = [key(1, 1, &["eu"]), key(2, 1, &["us"]), key(3, 1, &[])];
    let group = KeyGroup::new(keys.to_vec());
    down(&keys[0], true);
    assert_eq!(chosen(&group, &["eu"], 2), [3, 3]);
    down(&keys[2], true);
    assert_eq!(chosen(&group, &["eu"], 2), [2, 2]);
}

#[test]
fn the_first_request_after_a_cool_down_is_the_only_probe() {
    let later = noon() + Duration::from_secs(1);
    let keys = [key(1, 1, &[]), key(2, 1, &[])];
    let group = KeyGroup::new(keys.to_vec());
    for key in &keys {
        down(key, false);
    }
    let picks: Vec<_> = (0..5).map(|_| group.choose(&[], later, PROBATION)).collect();
    let probed: Vec<_> = picks.iter().flatten().map(|pick| pick.key.id.0.as_u128()).collect();
    assert_eq!(probed, [1, 2], "one each");
    assert!(picks.iter().flatten().all(|pick| pick.probe.is_some()));
}

#[test]
fn a_second_try_is_another_key() {
    let keys = [key(1, 1, &[]), key(2, 1, &[])];
    let group = KeyGroup::new(keys.to_vec());
    let other = |fit: &dyn Fn(&Key) -> bool| {
        group.choose_among(&[], noon(), PROBATION, fit).map(|pick| pick.key.id.0.as_u128())
    };
    assert_eq!(other(&|key| key.id != keys[0].id), Some(2));
    assert_eq!(other(&|_| false), None);
}
