use super::*;

#[test]
fn versions_are_compared_as_numbers() {
    assert!(is_new_enough("2.9.10"));
    assert!(is_new_enough("2.11.0-RC.1"));
    assert!(is_new_enough("3.0.0"));
    assert!(!is_new_enough("2.8.4"));
    assert!(!is_new_enough("1.10.0"));
    assert!(!is_new_enough("unknown"));
}

#[test]
fn waits_double_up_to_their_bound() {
    let mut backoff = Backoff::default();
    let waits: Vec<u64> = (0..8).map(|_| u64::try_from(backoff.next().as_millis()).unwrap()).collect();
    assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 15000, 15000]);
    backoff.reset();
    assert_eq!(backoff.next(), BACKOFF.0);
}

#[test]
fn the_address_is_not_shown() {
    let config =
        NatsConfig::new(clawplane_domain::Secret::new("nats://user:hunter2@localhost:4222".to_owned()));
    assert!(!format!("{:?}", Nats::new(config)).contains("hunter2"));
}
