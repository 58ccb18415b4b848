use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_772_366_400 + seconds, 0).unwrap()
}

#[test]
fn ten_failures_are_free_and_then_one_each_six_seconds() {
    let throttle = Throttle::default();
    let guesser = Guesser::new(None, "ada@example.com");
    for _ in 0..10 {
        assert_eq!(throttle.take(guesser, at(0)), Ok(()));
    }
    assert_eq!(throttle.take(guesser, at(0)), Err(Duration::from_secs(6)));
    assert_eq!(throttle.take(guesser, at(2)), Err(Duration::from_secs(4)));
    assert_eq!(throttle.take(guesser, at(6)), Ok(()));
    assert_eq!(throttle.take(guesser, at(6)), Err(Duration::from_secs(6)));
}

#[test]
fn another_account_and_another_address_have_buckets_of_their_own() {
    let throttle = Throttle::default();
    let here = Some(IpAddr::from([127, 0, 0, 1]));
    for _ in 0..10 {
        throttle.take(Guesser::new(here, "ada@example.com"), at(0)).unwrap();
    }
    assert!(throttle.take(Guesser::new(here, "ada@example.com"), at(0)).is_err());
    assert_eq!(throttle.take(Guesser::new(here, "bob@example.com"), at(0)), Ok(()));
    assert_eq!(throttle.take(Guesser::new(None, "ada@example.com"), at(0)), Ok(()));
}

#[test]
fn a_right_password_empties_the_bucket() {
    let throttle = Throttle::default();
    let guesser = Guesser::new(None, "ada@example.com");
    for _ in 0..10 {
        throttle.take(guesser, at(0)).unwrap();
    }
    throttle.forgive(guesser);
    assert_eq!(throttle.take(guesser, at(0)), Ok(()));
}

#[test]
fn there_are_never_more_buckets_than_the_bound() {
    let throttle = Throttle::default();
    for n in 0..MOST + 10 {
        throttle.take(Guesser::new(None, &n.to_string()), at(0)).unwrap();
    }
    assert_eq!(throttle.empty_at.lock().unwrap().len(), MOST);
}
