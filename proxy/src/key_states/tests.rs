use super::*;
use crate::health::{Fault, Turn};
use crate::{Cooldowns, testing::at};
use clawplane_domain::{
    DataKeyId, KeyId, Secret,
    provider_key::{CoolCode, OnDisconnect},
};
use uuid::Uuid;

fn key() -> Arc<Key> {
    Arc::new(Key {
        id: KeyId(Uuid::nil()),
        label: "key".parse().unwrap(),
        weight: 1,
        tags: Vec::new(),
        endpoint: None,
        api_type: None,
        on_disconnect: OnDisconnect::default(),
        secret: Some(Secret::new("sk".to_owned())),
        data_key: DataKeyId(Uuid::nil()),
        health: Arc::default(),
    })
}

fn counted(keys: &[(&'static str, Arc<Key>)], second: u64) -> Census {
    let mut census = Census::new();
    let now = at("2026-11-20T12:00:00Z") + Duration::from_secs(second);
    take(&mut census, keys.iter().map(|(vendor, key)| (*vendor, key)), now);
    census
}

#[test]
fn each_key_is_counted_in_its_state() {
    let noon = at("2026-11-20T12:00:00Z");
    let keys = [("openai", key()), ("openai", key()), ("openai", key()), ("google", key())];
    assert_eq!(counted(&keys, 0), Census::from([("openai", [3, 0, 0, 0]), ("google", [1, 0, 0, 0])]));
    keys[0].1.health.turn(Turn::Disabled, noon);
    let after = Some(Duration::from_mins(1));
    let fault = Fault::Passing { code: CoolCode::RateLimited, status: Some(429), after };
    keys[1].1.health.failed(&fault, None, noon, &Cooldowns::default(), |_| {});
    assert_eq!(counted(&keys, 1)["openai"], [1, 1, 0, 1]);
    assert_eq!(
        counted(&keys, 60)["openai"],
        [1, 0, 1, 1],
        "its cool-down is over, and nobody has tried it yet"
    );
    keys[0].1.health.turn(Turn::Enabled, noon);
    keys[1].1.health.turn(Turn::Recovered, noon);
    assert_eq!(counted(&keys, 61)["openai"], [3, 0, 0, 0]);
}
