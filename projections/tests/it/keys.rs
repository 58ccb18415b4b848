use crate::world::{World, at, noon};
use clawplane_domain::{
    BotId,
    clock::Ids,
    provider_key::{CoolCode, Cooling, DisabledBy, Disabling, KeyChange, KeyCommand, ProviderKey},
    values::Tag,
};
use clawplane_projections::{KeyHealth, KeyState};
use pretty_assertions::assert_eq;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_with_its_last_use_and_without_its_secret() {
    let world = World::new().await;
    let _running = world.run();
    let tenant = world.tenant();
    let id = world.key(tenant, "main").await;
    world.settled().await;
    let unused = world.views.keys.find(tenant, id).await.unwrap().unwrap();
    assert_eq!((unused.vendor.as_str(), unused.label.as_str(), unused.weight), ("openai", "main", 3));
    assert_eq!(unused.tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["fast", "cheap"]);
    assert_eq!(unused.base_url.as_ref().unwrap().as_str(), "https://vendor.example/v1");
    assert_eq!((unused.created_at, unused.last_used_at, unused.last_status), (noon(), None, None));

    // The newest by its own time counts, although it is appended before the others.
    let bot = BotId(world.ids.uuid());
    let used = [("12:03", 499), ("12:00", 200), ("12:02", 429), ("12:01", 400)].map(|(time, status)| {
        let mut usage = world.usage(tenant, bot, at(&format!("2026-03-10T{time}:00Z")));
        (usage.key_id, usage.status) = (Some(id), status);
        usage
    });
    let [newest, rest @ ..] = used;
    world.append("proxy:1", 1, vec![newest]).await;
    world.settled().await;
    world.append("proxy:1", 2, rest.to_vec()).await;
    world.settled().await;
    let used = world.views.keys.find(tenant, id).await.unwrap().unwrap();
    assert_eq!((used.last_used_at, used.last_status), (Some(at("2026-03-10T12:03:00Z")), Some(499)));
    assert_eq!(used.last_success_at, Some(at("2026-03-10T12:00:00Z")));
    assert_eq!(used.last_failure_at, Some(at("2026-03-10T12:02:00Z")));

    world.executor.execute::<ProviderKey>(id, KeyCommand::Delete, world.metadata(tenant)).await.unwrap();
    world.settled().await;
    assert_eq!(world.views.keys.find(tenant, id).await.unwrap(), None);
    assert_eq!(world.views.keys.list(tenant, None, 10).await.unwrap().items, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_with_its_health() {
    let world = World::new().await;
    let _running = world.run();
    let tenant = world.tenant();
    let id = world.key(tenant, "main").await;
    let row = world.executor.load::<ProviderKey>(&id.to_string()).await.unwrap().key.unwrap();
    let secret = row.sealed.data_key_id;
    let give = async |command: KeyCommand, time: &str| {
        let mut metadata = world.metadata(tenant);
        metadata.at = at(&format!("2026-03-10T{time}Z"));
        world.executor.execute::<ProviderKey>(id, command, metadata).await.unwrap();
        world.settled().await;
        world.views.keys.find(tenant, id).await.unwrap().unwrap()
    };
    let change = KeyChange {
        label: Some("spare".parse().unwrap()),
        tags: Some(vec!["slow".parse().unwrap()]),
        weight: Some(9),
    };
    let changed = give(KeyCommand::Change(change), "12:01:00").await;
    assert_eq!((changed.label.as_str(), changed.tags[0].as_str(), changed.weight), ("spare", "slow", 9));
    assert_eq!(changed.health, KeyHealth::healthy(noon()));

    let cooling = |minute: u32, failures| {
        let until = at(&format!("2026-03-10T12:{minute}:00Z"));
        let cooling = Cooling { until, code: CoolCode::RateLimited, status: Some(429), failures };
        KeyCommand::Cool { cooling, secret }
    };
    give(cooling(10, 1), "12:02:00").await;
    let cooled = give(cooling(20, 2), "12:10:00").await.health;
    let expected = KeyHealth {
        state: KeyState::Cooling,
        since: at("2026-03-10T12:02:00Z"),
        until: Some(at("2026-03-10T12:20:00Z")),
        by: Some("proxy".to_owned()),
        reason: Some("rate_limited".to_owned()),
        status: Some(429),
        failures: 2,
    };
    assert_eq!(cooled, expected);
    let recovered = give(KeyCommand::Recover { secret }, "12:20:00").await.health;
    assert_eq!(recovered, KeyHealth::healthy(at("2026-03-10T12:20:00Z")));

    give(cooling(30, 1), "12:21:00").await;
    let rotated = give(KeyCommand::Rotate(world.sealed()), "12:22:00").await.health;
    assert_eq!(rotated, KeyHealth::healthy(at("2026-03-10T12:22:00Z")));

    let disabling = Disabling { by: DisabledBy::Person, reason: "leaked".to_owned(), status: None };
    let disabled = give(KeyCommand::Disable { disabling, secret: None }, "12:23:00").await.health;
    assert_eq!((disabled.state, disabled.by.as_deref()), (KeyState::Disabled, Some("person")));
    assert_eq!((disabled.reason.as_deref(), disabled.until), (Some("leaked"), None));
    let enabled = give(KeyCommand::Enable, "12:24:00").await.health;
    assert_eq!(enabled, KeyHealth::healthy(at("2026-03-10T12:24:00Z")));
}
