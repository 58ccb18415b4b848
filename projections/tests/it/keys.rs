use crate::world::{World, at, noon};
use clawplane_domain::{
    BotId,
    clock::Ids,
    provider_key::{KeyCommand, ProviderKey},
    values::Tag,
};
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
