use crate::world::{LONG, World, noon};
use clawplane_domain::{BotId, clock::Ids};
use clawplane_eventstore::Position;
use clawplane_projections::View;
use pretty_assertions::assert_eq;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_event_is_applied_once_however_many_runners_there_are() {
    let world = World::new().await;
    let running = [world.run(), world.run()];
    let tenant = world.tenant();
    let bots: Vec<_> = (0..5).map(|_| BotId(world.ids.uuid())).collect();
    let writer = async |stream: &str| {
        for batch in 0..20 {
            let usage = (0..50).map(|n| world.usage(tenant, bots[n % 5], noon())).collect();
            world.append(stream, batch * 50 + 1, usage).await;
        }
    };
    tokio::join!(writer("proxy:1"), writer("proxy:2"), writer("proxy:3"));
    world.settled().await;
    for stopping in running {
        stopping.stop().await;
    }
    assert_eq!(world.number("SELECT count(DISTINCT position) FROM view_usage_log.usage_log").await, 3000);
    for (table, requests) in [("usage_hours", "requests"), ("usage_days", "requests")] {
        let sum = format!("SELECT sum({requests})::bigint FROM view_usage_rollups.{table}");
        assert_eq!(world.number(&sum).await, 3000, "{table}");
    }
    assert_eq!(world.number("SELECT count(*) FROM view_audit.audit_log").await, 3000);
    assert_eq!(world.number("SELECT count(*) FROM parked_events").await, 0);
    let streams =
        "SELECT count(*) FROM projection_sequences WHERE projection = 'usage_log' AND sequence = 1000";
    assert_eq!(world.number(streams).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_waits_for_a_write_and_not_for_ever() {
    let world = World::new().await;
    let tenant = world.tenant();
    let (_, position) = world.bot(tenant, "alpha").await;
    let begun = Instant::now();
    assert!(!world.views.caught_up(View::Bots, position, Duration::from_millis(100)).await.unwrap());
    assert!(begun.elapsed() >= Duration::from_millis(100));
    let _running = world.run();
    assert!(world.views.caught_up(View::Bots, position, LONG).await.unwrap());
    assert!(world.views.bots.find(tenant, &"alpha".parse().unwrap()).await.unwrap().is_some());
    // An event that is none of the projection's own does not keep anybody waiting, whoever wrote it.
    assert!(world.views.caught_up(View::UsageLog, position, LONG).await.unwrap());
    assert!(world.views.caught_up(View::UsageRollups, position, LONG).await.unwrap());
    // One that does not exist (yet) does.
    let future = Position { tx_id: position.tx_id + 1_000_000, global: position.global + 1 };
    assert!(!world.views.caught_up(View::Bots, future, Duration::from_millis(50)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_streams_move_an_idle_checkpoint_along() {
    let world = World::new().await;
    let tenant = world.tenant();
    world.bot(tenant, "alpha").await;
    let running = world.run();
    world.settled().await;
    running.stop().await;
    world.append("proxy:1", 1, vec![world.usage(tenant, BotId(world.ids.uuid()), noon())]).await;
    let head = world.head().await;
    let _running = world.run();
    let come =
        format!("SELECT count(*) FROM checkpoints WHERE name = 'bots' AND global_position = {}", head.global);
    world.reaches(&come, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_stops_soon_even_while_it_waits_for_a_lock() {
    let world = World::new().await;
    let tenant = world.tenant();
    world.bot(tenant, "alpha").await;
    let mut holder = world.pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM checkpoints FOR UPDATE").execute(&mut *holder).await.unwrap();
    let running = world.run();
    world.reaches("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", 1).await;
    tokio::time::timeout(Duration::from_secs(5), running.stop()).await.expect("it stops within 5 s");
    holder.rollback().await.unwrap();
    // Nothing of what was cut off is left, and nothing is missing.
    let _running = world.run();
    world.settled().await;
    assert_eq!(world.views.bots.list(tenant, None, 10).await.unwrap().items.len(), 1);
}
