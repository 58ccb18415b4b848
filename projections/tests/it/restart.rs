//! Read models that have to start over: restored databases, new versions.

use crate::world::{World, noon};
use clawplane_domain::{BotId, clock::Ids};
use clawplane_eventstore::restore;
use clawplane_projections::{RebuildError, View, admin};
use pretty_assertions::assert_eq;

const REQUESTS: &str = "SELECT coalesce(sum(requests), 0)::bigint FROM view_usage_rollups.usage_days";

async fn with_usage(world: &World) {
    let (tenant, bot) = (world.tenant(), BotId(world.ids.uuid()));
    world.bot(tenant, "alpha").await;
    world.append("proxy:1", 1, (0..10).map(|_| world.usage(tenant, bot, noon())).collect()).await;
    let running = world.run();
    world.settled().await;
    running.stop().await;
    assert_eq!(world.number(REQUESTS).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_nothing_counts_twice() {
    let world = World::new().await;
    with_usage(&world).await;
    restore::rebase(&world.pool).await.unwrap();
    // Without a call of `migrate` in between: a checkpoint may also go while processes run.
    let _running = world.run();
    world.settled().await;
    assert_eq!(world.number(REQUESTS).await, 10);
    assert_eq!(world.number("SELECT count(*) FROM view_bots.bots").await, 1);
    assert_eq!(world.number("SELECT count(*) FROM parked_events").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_is_emptied_and_replayed() {
    let world = World::new().await;
    with_usage(&world).await;
    let same = world.number("SELECT to_regclass('view_usage_rollups.usage_days')::oid::bigint").await;
    clawplane_projections::migrate(&world.pool).await.unwrap();
    assert_eq!(world.number("SELECT to_regclass('view_usage_rollups.usage_days')::oid::bigint").await, same);

    world.sql("COMMENT ON SCHEMA view_usage_rollups IS 'Clawplane read model, version 0'").await;
    clawplane_projections::migrate(&world.pool).await.unwrap();
    assert_eq!(world.number(REQUESTS).await, 0);
    let _running = world.run();
    world.settled().await;
    assert_eq!(world.number(REQUESTS).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_is_left_alone() {
    let world = World::new().await;
    with_usage(&world).await;
    world.sql("COMMENT ON SCHEMA view_usage_rollups IS 'Clawplane read model, version 999'").await;
    clawplane_projections::migrate(&world.pool).await.unwrap();
    let _running = world.run();
    let (tenant, bot) = (world.tenant(), BotId(world.ids.uuid()));
    world.append("proxy:1", 11, vec![world.usage(tenant, bot, noon())]).await;
    let head = world.head().await;
    world.seen(View::UsageLog, head).await;
    let moment = std::time::Duration::from_millis(500);
    assert!(!world.views.caught_up(View::UsageRollups, head, moment).await.unwrap());
    let refused = admin::rebuild(&world.pool, "usage_rollups", |_| {}).await.unwrap_err();
    assert!(matches!(refused, RebuildError::Newer(999)), "{refused}");
    assert_eq!(world.number(REQUESTS).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_by_several_at_once_is_safe() {
    let world = World::new().await;
    with_usage(&world).await;
    world.sql("COMMENT ON SCHEMA view_bots IS NULL; DROP SCHEMA view_audit CASCADE").await;
    let migrate = || clawplane_projections::migrate(&world.pool);
    let (first, second, third) = tokio::join!(migrate(), migrate(), migrate());
    first.and(second).and(third).unwrap();
    let _running = world.run();
    world.settled().await;
    assert_eq!(world.number("SELECT count(*) FROM view_bots.bots").await, 1);
    assert_eq!(world.number("SELECT count(*) FROM view_audit.audit_log").await, 12);
}
