use super::*;

#[test]
fn a_network_contains_its_own_addresses_only() {
    let network = |gateway: &str, prefix| BotNetwork { gateway: gateway.parse().unwrap(), prefix };
    let small = network("10.213.4.17", 28);
    assert!(small.contains("10.213.4.18".parse().unwrap()));
    assert!(!small.contains("10.213.4.33".parse().unwrap()));
    assert!(!small.contains("::1".parse().unwrap()));
    assert!(network("10.0.0.1", 0).contains("192.168.1.1".parse().unwrap()));
    assert!(!network("10.0.0.1", 32).contains("10.0.0.2".parse().unwrap()));
}

#[test]
fn short_ids_of_bots_made_in_one_moment_differ() {
    let of = |chance: u128| BotId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | chance));
    let (one, other) = (of(1), of(2));
    assert_eq!(short_id(one).len(), 12);
    assert_ne!(short_id(one), short_id(other));
}

#[test]
fn a_pull_of_nothing_is_at_the_beginning() {
    assert_eq!(PullProgress::default().percent(), 0);
    assert_eq!(PullProgress { current: 7, total: 5 }.percent(), 100);
}
