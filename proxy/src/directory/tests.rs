use super::*;
use crate::{
    quota::Amount,
    testing::{ManualClock, World, at, day_total, fresh},
    vendors,
};
use arc_swap::ArcSwap;
use clawplane_domain::{
    bot::{BotEvent, Limits, Reshape},
    provider_key::{DisabledBy, Disabling, KeyChange, KeyCommand},
    quota::QuotaLimits,
};
use std::sync::atomic::Ordering;

fn tenant() -> TenantId {
    TenantId(fresh())
}

fn follower(world: &Arc<World>) -> (Follower, Arc<ArcSwap<Directory>>) {
    let directory = Arc::new(ArcSwap::default());
    let clock = Arc::new(ManualClock::new("2026-11-20T12:00:00Z"));
    let known = Arc::clone(&directory);
    let follower =
        Follower::new(world.clone(), world.clone(), known, "own:1".to_owned(), world.clone(), clock);
    (follower, directory)
}

async fn caught_up(world: &Arc<World>) -> (Follower, Arc<ArcSwap<Directory>>) {
    let (mut follower, directory) = follower(world);
    follower.catch_up().await.unwrap();
    (follower, directory)
}

fn secrets(directory: &Directory, tenant: TenantId, vendor: &str) -> Vec<String> {
    let group = directory.keys(tenant, vendors::find(vendor).unwrap());
    let keys = group.map(|group| group.keys()).unwrap_or_default();
    let mut secrets: Vec<_> =
        keys.iter().map(|key| key.secret.as_ref().unwrap().expose().to_owned()).collect();
    secrets.sort();
    secrets
}

#[tokio::test]
async fn tokens_come_and_go() {
    let (world, tenant) = (Arc::new(World::default()), tenant());
    let bot = world.bot(tenant, "one", &["a"], Some(at("2027-01-01T00:00:00Z")));
    let (mut follower, directory) = caught_up(&world).await;
    let caller = Arc::clone(directory.load().caller("one").unwrap());
    assert_eq!((caller.bot_id, caller.tenant_id, caller.tags.len()), (bot, tenant, 1));
    assert_eq!(caller.expires_at, Some(at("2027-01-01T00:00:00Z")));
    world.token(tenant, bot, "two", None);
    follower.step().await.unwrap();
    assert!(directory.load().caller("one").is_none(), "an earlier token is void");
    assert!(directory.load().caller("two").is_some());
    world.delete_bot(tenant, bot);
    follower.step().await.unwrap();
    assert!(directory.load().caller("two").is_none());
}

#[tokio::test]
async fn changed_tags_count_for_the_token_that_is_there() {
    let (world, tenant) = (Arc::new(World::default()), tenant());
    let bot = world.bot(tenant, "one", &["a"], None);
    let (mut follower, directory) = caught_up(&world).await;
    let shape =
        Reshape { tags: Some(vec!["b".parse().unwrap(), "c".parse().unwrap()]), ..Reshape::default() };
    world.bot_event(tenant, bot, &BotEvent::Changed { shape });
    follower.step().await.unwrap();
    let tags = |directory: &Directory| directory.caller("one").unwrap().tags.clone();
    assert_eq!(tags(&directory.load()), ["b".parse().unwrap(), "c".parse().unwrap()]);
    let limits = Reshape { limits: Some(Limits::default()), ..Reshape::default() };
    world.bot_event(tenant, bot, &BotEvent::Changed { shape: limits });
    follower.step().await.unwrap();
    assert_eq!(tags(&directory.load()).len(), 2, "what is not named stays");
}

#[tokio::test]
async fn keys_are_their_tenants_alone() {
    let (world, mine, yours) = (Arc::new(World::default()), tenant(), tenant());
    let first = world.key(mine, "openai", "sk-mine-1", None);
    world.key(mine, "openai", "sk-mine-2", None);
    world.key(yours, "openai", "sk-yours", None);
    world.key(mine, "groq", "gsk-mine", None);
    let (mut follower, directory) = caught_up(&world).await;
    let now = directory.load();
    assert_eq!(secrets(&now, mine, "openai"), ["sk-mine-1", "sk-mine-2"]);
    assert_eq!(secrets(&now, yours, "openai"), ["sk-yours"]);
    assert_eq!(secrets(&now, yours, "groq"), [""; 0]);
    world.delete_key(mine, first);
    follower.step().await.unwrap();
    assert_eq!(secrets(&directory.load(), mine, "openai"), ["sk-mine-2"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_skipped() {
    let (world, tenant) = (Arc::new(World::default()), tenant());
    world.emit_raw("bot", "x", tenant, "bot.unknown", &serde_json::json!({"type": "bot.unknown"}));
    world.key(tenant, "no-such-vendor", "sk", None);
    world.bot(tenant, "tok", &[], None);
    let (_, directory) = caught_up(&world).await;
    assert!(directory.load().caller("tok").is_some());
}

#[tokio::test]
async fn a_shredded_key_is_passed_over() {
    let (world, tenant) = (Arc::new(World::default()), tenant());
    world.key(tenant, "openai", "sk-old", None);
    world.shred_all();
    world.key(tenant, "openai", "sk-new", None);
    let (_, directory) = caught_up(&world).await;
    assert_eq!(secrets(&directory.load(), tenant, "openai"), ["sk-new"]);
}

#[tokio::test]
async fn a_changed_and_a_rotated_key_are_taken_over() {
    let (world, tenant) = (Arc::new(World::default()), tenant());
    let id = world.key(tenant, "openai", "sk-old", None);
    world.shred_all();
    let (mut follower, directory) = caught_up(&world).await;
    assert_eq!(secrets(&directory.load(), tenant, "openai"), [""; 0], "shredded, because it was rotated");
    let sealed = crate::testing::seal("sk-new", &clawplane_domain::sealed::bound_to_key(tenant, id));
    world.command_key(id, KeyCommand::Rotate(sealed), None);
    let change = KeyChange { label: Some("spare".parse().unwrap()), weight: Some(9), ..KeyChange::default() };
    world.command_key(id, KeyCommand::Change(change), None);
    follower.step().await.unwrap();
    let now = directory.load();
    assert_eq!(secrets(&now, tenant, "openai"), ["sk-new"]);
    let group = now.keys(tenant, vendors::find("openai").unwrap()).unwrap();
    assert_eq!((group.keys()[0].label.as_str(), group.keys()[0].weight), ("spare", 9));
}

#[tokio::test]
async fn the_health_of_a_key_is_followed_but_for_what_came_from_here() {
    let (world, tenant) = (Arc::new(World::default()), tenant());
    let id = world.key(tenant, "openai", "sk", None);
    let (mut follower, directory) = caught_up(&world).await;
    let is_free = || {
        let now = directory.load();
        now.keys(tenant, vendors::find("openai").unwrap()).unwrap().keys()[0].health.is_free()
    };
    let disable = || {
        let disabling = Disabling { by: DisabledBy::Person, reason: String::new(), status: None };
        KeyCommand::Disable { disabling, secret: None }
    };
    for (from, free) in [(Some("own:1"), true), (Some("other:1"), false)] {
        world.command_key(id, disable(), from);
        follower.step().await.unwrap();
        assert_eq!(is_free(), free, "{from:?}");
        world.command_key(id, KeyCommand::Enable, None);
        follower.step().await.unwrap();
        assert!(is_free());
    }
    world.command_key(id, disable(), None);
    let sealed = crate::testing::seal("sk-new", &clawplane_domain::sealed::bound_to_key(tenant, id));
    world.command_key(id, KeyCommand::Rotate(sealed), None);
    follower.step().await.unwrap();
    assert!(!is_free(), "another secret does not enable it");
}

#[tokio::test]
async fn quotas_and_the_usage_of_others_reach_the_ledger() {
    let (world, tenant) = (Arc::new(World::default()), tenant());
    let bot = world.bot(tenant, "tok", &[], None);
    let limits = QuotaLimits { daily_tokens: Some(100), ..QuotaLimits::default() };
    world.quota(tenant, bot, limits);
    *world.totals.lock().unwrap() = day_total(tenant, bot, 60);
    let (mut follower, directory) = caught_up(&world).await;
    let ledger = Arc::clone(&directory.load().caller("tok").unwrap().ledger);
    let now = at("2026-11-20T12:00:00Z");
    let any = Amount { tokens: 1, cost_micros: 0 };
    assert!(ledger.reserve(now, any).is_ok());
    let usage = |stream: &str| {
        let payload = serde_json::json!({
            "requestId": fresh(), "tenantId": tenant, "botId": bot, "keyId": null, "vendor": "openai",
            "model": null, "status": 200, "stream": false, "inputTokens": 30, "cachedInputTokens": 0,
            "cacheWriteTokens": 0, "outputTokens": 10, "reasoningTokens": 0, "costMicros": null,
            "estimated": false, "interrupted": false, "ttfbMs": 1, "durationMs": 1, "at": now,
        });
        world.emit_raw("usage", stream, tenant, "usage.recorded", &payload);
    };
    usage("own:1");
    follower.step().await.unwrap();
    assert!(ledger.reserve(now, any).is_ok(), "its own usage was settled already");
    usage("other:1");
    follower.step().await.unwrap();
    assert!(ledger.reserve(now, any).is_err());
}

#[tokio::test]
async fn it_serves_what_it_knows_while_the_database_is_away() {
    let (world, tenant) = (Arc::new(World::default()), tenant());
    let bot = world.bot(tenant, "tok", &[], None);
    let (mut follower, directory) = caught_up(&world).await;
    world.delete_bot(tenant, bot);
    world.down.store(true, Ordering::SeqCst);
    assert!(follower.step().await.is_err());
    assert!(directory.load().caller("tok").is_some());
    world.down.store(false, Ordering::SeqCst);
    follower.step().await.unwrap();
    assert!(directory.load().caller("tok").is_none());
}
