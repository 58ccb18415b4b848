use crate::world::{World, noon};
use clawplane_domain::{BotId, bot::Desired, clock::Ids};
use clawplane_projections::{View, admin, rebuild::RebuildError};
use pretty_assertions::assert_eq;
use std::time::Duration;

/// An event of a usage stream that nobody can read.
async fn nonsense(world: &World, stream: &str, sequence: i64) {
    let metadata = sqlx::types::Json(world.metadata(world.tenant()));
    sqlx::query(
        "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
         VALUES ('usage', $1, $2, 'usage.recorded', '1', '{\"nonsense\": true}', $3)",
    )
    .bind(stream)
    .bind(sequence)
    .bind(metadata)
    .execute(&world.pool)
    .await
    .unwrap();
}

/// Lets every write to a bot's row fail with this SQLSTATE, and counts the attempts.
async fn refuse_bots(world: &World, code: &str, hostname: &str) {
    let sql = format!(
        "CREATE SEQUENCE refusals;
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF NEW.hostname = '{hostname}' THEN
                 PERFORM nextval('public.refusals');
                 RAISE EXCEPTION 'refused by the test' USING ERRCODE = '{code}';
             END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON view_bots.bots FOR EACH ROW EXECUTE FUNCTION refuse();"
    );
    world.sql(&sql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_is_parked_and_the_others_go_on() {
    let world = World::new().await;
    let tenant = world.tenant();
    let bot = BotId(world.ids.uuid());
    let usage = |n| (0..n).map(|_| world.usage(tenant, bot, noon())).collect::<Vec<_>>();
    world.append("proxy:1", 1, usage(2)).await;
    nonsense(&world, "proxy:1", 3).await;
    world.append("proxy:1", 4, usage(2)).await;
    let _running = world.run();
    world.settled().await;
    assert_eq!(world.number("SELECT count(*) FROM view_usage_log.usage_log").await, 4);
    assert_eq!(world.number("SELECT sum(requests)::bigint FROM view_usage_rollups.usage_hours").await, 4);
    for status in admin::list(&world.pool).await.unwrap() {
        let reads_usage = ["provider_keys", "usage_log", "usage_rollups", "audit"].contains(&status.name);
        assert_eq!(status.parked, u64::from(reads_usage), "{}", status.name);
        assert_eq!(status.lag_events, 0, "{}", status.name);
    }
    let parked = admin::parked(&world.pool, View::UsageLog).await.unwrap();
    assert_eq!(parked[0].event, "usage/proxy:1/3");
    assert!(parked[0].error.contains("missing field"), "{}", parked[0].error);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_table_refuses_is_parked() {
    let world = World::new().await;
    let tenant = world.tenant();
    world.bot(tenant, "good").await;
    let running = world.run();
    world.settled().await;
    running.stop().await;
    refuse_bots(&world, "23514", "bad").await;
    world.bot(tenant, "bad").await;
    world.bot(tenant, "other").await;
    let _running = world.run();
    world.settled().await;
    let names = world.views.bots.list(tenant, None, 10).await.unwrap().items;
    assert_eq!(names.iter().map(|bot| bot.hostname.as_str()).collect::<Vec<_>>(), ["good", "other"]);
    // The token of a bot without a row has nowhere to go either.
    let parked = admin::parked(&world.pool, View::Bots).await.unwrap();
    assert_eq!(parked.len(), 2);
    assert!(parked[0].error.contains("refused by the test"), "{}", parked[0].error);
    assert!(parked[1].error.contains("bot.token_issued of a bot without a row"), "{}", parked[1].error);

    // What was parked is tried again by a rebuild, in tables without that trigger.
    let report = admin::rebuild(&world.pool, "bots", |_| {}).await.unwrap();
    assert_eq!((report.events, report.parked), (6, 0));
    assert_eq!(world.views.bots.list(tenant, None, 10).await.unwrap().items.len(), 3);
    assert_eq!(admin::parked(&world.pool, View::Bots).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_of_the_database_is_retried_and_parks_nothing() {
    // Serialisation failure, disk full, cancelled query, missing table.
    for code in ["40001", "53100", "57014", "42P01"] {
        let world = World::new().await;
        let _running = world.run();
        let tenant = world.tenant();
        world.bot(tenant, "first").await;
        world.settled().await;
        refuse_bots(&world, code, "alpha").await;
        world.bot(tenant, "alpha").await;
        world.reaches("SELECT last_value FROM refusals", 2).await;
        assert_eq!(world.views.bots.list(tenant, None, 10).await.unwrap().items.len(), 1, "{code}");
        world.sql("DROP TRIGGER refuse ON view_bots.bots").await;
        world.settled().await;
        assert_eq!(world.views.bots.list(tenant, None, 10).await.unwrap().items.len(), 2, "{code}");
        assert_eq!(world.number("SELECT count(*) FROM parked_events").await, 0, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_a_stream_stops_its_projections_and_no_others() {
    let world = World::new().await;
    let tenant = world.tenant();
    let (bot, _) = world.bot(tenant, "alpha").await;
    // The third event is missing.
    let lone = sqlx::query(
        "INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
         VALUES ('bot', $1, 4, 'bot.start_requested', '1', '{\"type\": \"bot.start_requested\"}', $2)",
    );
    let metadata = sqlx::types::Json(world.metadata(tenant));
    lone.bind(bot.to_string()).bind(metadata).execute(&world.pool).await.unwrap();
    let after_hole = world.head().await;
    world.append("proxy:1", 1, vec![world.usage(tenant, bot, noon())]).await;
    let _running = world.run();
    // What comes before the hole is applied.
    world.reaches("SELECT count(*) FROM view_bots.bots", 1).await;
    let head = world.head().await;
    world.seen(View::UsageLog, head).await;
    world.seen(View::UsageRollups, head).await;
    let moment = Duration::from_millis(500);
    for view in [View::Bots, View::Audit] {
        assert!(!world.views.caught_up(view, after_hole, moment).await.unwrap(), "{view}");
    }
    let found = world.views.bots.find(tenant, &"alpha".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(found.desired, Desired::Stopped);
    assert_eq!(world.number("SELECT count(*) FROM parked_events").await, 0);

    let refused = admin::rebuild(&world.pool, "bots", |_| {}).await.unwrap_err();
    let RebuildError::Batch(hole) = refused else { panic!("{refused}") };
    assert_eq!(hole.to_string(), format!("stream bot/{bot}: event 3 should be next, 4 came"));
    assert_eq!(world.number("SELECT count(*) FROM view_bots.bots").await, 1);
}

/// A proxy that was killed hands in at its next start what its spool still has, after what came later.
#[tokio::test(flavor = "multi_thread")]
async fn usage_that_comes_late_is_counted_and_stops_nothing() {
    let world = World::new().await;
    let tenant = world.tenant();
    let bot = BotId(world.ids.uuid());
    let usage = |n| (0..n).map(|_| world.usage(tenant, bot, noon())).collect::<Vec<_>>();
    let running = world.run();
    for (first, count) in [(1, 2), (4, 3), (3, 1), (9, 1)] {
        world.append("proxy:1", first, usage(count)).await;
        world.settled().await;
    }
    running.stop().await;
    // Sent again, and so not stored again.
    world.append("proxy:1", 1, usage(6)).await;
    let _running = world.run();
    world.settled().await;
    assert_eq!(world.number("SELECT count(*) FROM view_usage_log.usage_log").await, 7);
    assert_eq!(world.number("SELECT sum(requests)::bigint FROM view_usage_rollups.usage_hours").await, 7);
    assert_eq!(world.number("SELECT count(*) FROM parked_events").await, 0);
    for view in [View::UsageLog, View::UsageRollups] {
        let report = admin::rebuild(&world.pool, view.name(), |_| {}).await.unwrap();
        assert_eq!((report.events, report.parked), (7, 0), "{view}");
    }
}
