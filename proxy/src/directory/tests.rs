use super::*;
use crate::{
    quota::Amount,
    testing::{ManualClock, World, at, day_total, fresh},
    vendors,
};
use arc_swap::ArcSwap;
use clawplane_domain::quota::QuotaLimits;
use std::sync::atomic::Ordering;

fn tenant() -> TenantId {
    TenantId(fresh())
}

fn follower(world: &Arc<World>) -> (Follower, Arc<ArcSwap<Directory>>) {
    let directory = Arc::new(ArcSwap::default());
    let follower = Follower::new(world.clone(), world.clone(), Arc::clone(&directory), "own:1".to_owned());
    (follower, directory)
}

async fn caught_up(world: &Arc<World>) -> (Follower, Arc<ArcSwap<Directory>>) {
    let (mut follower, directory) = follower(world);
    follower.catch_up(world.as_ref(), &ManualClock::new("2026-11-20T12:00:00Z")).await.unwrap();
    (follower, directory)
}

fn secrets(directory: &Directory, tenant: TenantId, vendor: &str) -> Vec<String> {
    let group = directory.keys(tenant, vendors::find(vendor).unwrap());
    let keys = group.map(|group| group.keys()).unwrap_or_default();
    let mut secrets: Vec<_> = keys.iter().map(|key| key.secret.expose().to_owned()).collect();
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
async fn quotas_and_the_usage_of_others_reach_the_ledger() {
    let (world, tenant) = (Arc::new(World::default()), tenant());
    let bot = world.bot(tenant, "tok", &[], None);
    let limits = QuotaLimits { daily_tokens: Some(100), ..QuotaLimits::default() };
    world.quota(tenant, bot, limits);
    *world.totals.lock().unwrap() = day_total(bot, 60);
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
