use super::ApplyError;
use clawplane_eventstore::StoreError;

fn of_database(error: sqlx::Error) -> ApplyError {
    ApplyError::from(error)
}

#[test]
fn an_events_own_fault_is_poison() {
    let unreadable = StoreError::Unreadable { at: "bot/x/1".to_owned(), why: "no such variant".to_owned() };
    assert!(ApplyError::from(unreadable).is_poison());
    assert!(ApplyError::Senseless("no row".to_owned()).is_poison());
    assert!(of_database(sqlx::Error::Encode("too large".into())).is_poison());
}

#[test]
fn trouble_on_the_way_to_the_database_is_not() {
    let io = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    for error in [
        sqlx::Error::Io(io()),
        sqlx::Error::Tls(Box::new(io())),
        sqlx::Error::PoolTimedOut,
        sqlx::Error::PoolClosed,
        sqlx::Error::WorkerCrashed,
        sqlx::Error::Protocol("unexpected message".to_owned()),
        sqlx::Error::Decode("a row of ours".into()),
    ] {
        let error = of_database(error);
        assert!(!error.is_poison(), "{error:?}");
    }
    assert!(!ApplyError::Store(StoreError::TaskLost).is_poison());
}

#[test]
fn what_is_parked_says_its_causes_once() {
    let error = of_database(sqlx::Error::Encode("too large".into()));
    assert_eq!(
        error.in_words(),
        "the event database failed: error occurred while encoding a value: too large"
    );
}
