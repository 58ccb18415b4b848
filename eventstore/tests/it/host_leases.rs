//! One worker a host.

use crate::given::Store;
use clawplane_domain::HostId;
use clawplane_eventstore::{HostLeases, Tried};
use std::time::Duration;
use tokio::{task::JoinSet, time::Instant};

const HOST: HostId = HostId::LOCAL;
const LONG: Duration = Duration::from_mins(5);

fn others(holder: &str) -> Tried {
    Tried::Others { holder: holder.to_owned() }
}

#[tokio::test]
async fn one_has_it_until_it_gives_it_back() {
    let store = Store::empty().await;
    let leases = HostLeases::new(store.pool().clone());
    assert_eq!(leases.take(HOST, "a", LONG).await.unwrap(), Tried::Mine { term: 1 });
    assert_eq!(leases.take(HOST, "b", LONG).await.unwrap(), others("a"));
    assert_eq!(leases.take(HOST, "a", LONG).await.unwrap(), Tried::Mine { term: 1 }, "renewed");
    let other = HostId(uuid::Uuid::from_u128(7));
    assert_eq!(
        leases.take(other, "b", LONG).await.unwrap(),
        Tried::Mine { term: 1 },
        "hosts have nothing in common"
    );
    leases.release(HOST, "b").await.unwrap();
    assert_eq!(
        leases.take(HOST, "b", LONG).await.unwrap(),
        others("a"),
        "nobody gives back what is another's"
    );
    leases.release(HOST, "a").await.unwrap();
    assert!(leases.abandoned_for(HOST).await.unwrap().is_some(), "nobody has it");
    assert_eq!(leases.take(HOST, "b", LONG).await.unwrap(), Tried::Mine { term: 2 });
}

#[tokio::test]
async fn it_ends_by_the_databases_clock() {
    let store = Store::empty().await;
    let leases = HostLeases::new(store.pool().clone());
    let (ttl, begun) = (Duration::from_millis(400), Instant::now());
    leases.take(HOST, "a", ttl).await.unwrap();
    let given_up = Instant::now() + Duration::from_secs(20);
    while leases.take(HOST, "b", ttl).await.unwrap() != (Tried::Mine { term: 2 }) {
        assert!(Instant::now() < given_up, "it never ended");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(begun.elapsed() >= ttl, "not before it was over");
    assert_ne!(leases.take(HOST, "a", ttl).await.unwrap(), Tried::Mine { term: 2 }, "it was taken over");
}

#[tokio::test]
async fn what_nobody_renews_is_abandoned() {
    let store = Store::empty().await;
    let leases = HostLeases::new(store.pool().clone());
    assert_eq!(leases.abandoned_for(HOST).await.unwrap(), None, "nobody ever had it");
    leases.take(HOST, "a", LONG).await.unwrap();
    assert_eq!(leases.abandoned_for(HOST).await.unwrap(), None);
    let back = "UPDATE host_leases SET until = clock_timestamp() - interval '1 hour'";
    sqlx::query(back).execute(store.pool()).await.unwrap();
    let since = leases.abandoned_for(HOST).await.unwrap().unwrap();
    assert!((Duration::from_hours(1)..Duration::from_mins(61)).contains(&since), "{since:?}");
}

#[tokio::test]
async fn a_dead_holders_lease_is_taken_at_once_and_nobody_elses() {
    let store = Store::empty().await;
    let leases = HostLeases::new(store.pool().clone());
    leases.take(HOST, "a", LONG).await.unwrap();
    assert_eq!(leases.take_after(HOST, "c", LONG, Some("b")).await.unwrap(), others("a"));
    assert_eq!(leases.take_after(HOST, "c", LONG, Some("a")).await.unwrap(), Tried::Mine { term: 2 });
    assert_eq!(leases.take_after(HOST, "b", LONG, Some("a")).await.unwrap(), others("c"));
}

#[tokio::test]
async fn of_many_that_ask_at_once_one_gets_it() {
    let store = Store::empty().await;
    let leases = HostLeases::new(store.pool().clone());
    for round in 1..=5_u64 {
        let mut all = JoinSet::new();
        for n in 0..16 {
            let leases = leases.clone();
            all.spawn(async move { leases.take(HOST, &format!("{round}/{n}"), LONG).await.unwrap() });
        }
        let tried = all.join_all().await;
        let mine: Vec<_> = tried.iter().filter(|tried| matches!(tried, Tried::Mine { .. })).collect();
        assert_eq!(mine, [&Tried::Mine { term: round }]);
        let over = "UPDATE host_leases SET until = clock_timestamp() - interval '1 second'";
        sqlx::query(over).execute(store.pool()).await.unwrap();
    }
}
