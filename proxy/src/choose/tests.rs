use super::*;
use clawplane_domain::{KeyId, Secret};
use uuid::Uuid;

fn tags(names: &[&str]) -> Vec<Tag> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn key(id: u128, weight: u32, names: &[&str]) -> Arc<Key> {
    Arc::new(Key {
        id: KeyId(Uuid::from_u128(id)),
        weight,
        tags: tags(names),
        endpoint: None,
        api_type: None,
        on_disconnect: clawplane_domain::provider_key::OnDisconnect::default(),
        secret: Secret::new(format!("sk-{id}")),
    })
}

fn chosen(group: &KeyGroup, names: &[&str], count: usize) -> Vec<u128> {
    let tags = tags(names);
    (0..count).map(|_| group.choose(&tags).unwrap().id.0.as_u128()).collect()
}

#[test]
fn equal_keys_take_turns() {
    let group = KeyGroup::new(vec![key(2, 5, &[]), key(1, 5, &[]), key(3, 5, &[])]);
    assert_eq!(chosen(&group, &[], 7), [1, 2, 3, 1, 2, 3, 1]);
    assert!(KeyGroup::default().choose(&[]).is_none());
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
