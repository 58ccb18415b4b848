use crate::world::{World, noon};
use clawplane_domain::{BotId, clock::Ids};
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
        assert_eq!(status.parked, u64::from(status.name != "bots"), "{}", status.name);
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
    let bot = BotId(world.ids.uuid());
    let usage = || vec![world.usage(tenant, bot, noon())];
    world.append("proxy:1", 1, usage()).await;
    world.append("proxy:1", 2, usage()).await;
    world.append("proxy:1", 4, usage()).await;
    let after_hole = world.head().await;
    let _running = world.run();
    world.reaches("SELECT count(*) FROM view_usage_log.usage_log", 2).await;
    let (_, position) = world.bot(tenant, "alpha").await;
    world.seen(View::Bots, position).await;
    let moment = Duration::from_millis(500);
    assert!(!world.views.caught_up(View::UsageLog, after_hole, moment).await.unwrap());
    assert_eq!(world.number("SELECT count(*) FROM view_usage_log.usage_log").await, 2);
    assert_eq!(world.number("SELECT count(*) FROM parked_events").await, 0);

    let refused = admin::rebuild(&world.pool, "usage_log", |_| {}).await.unwrap_err();
    let RebuildError::Batch(hole) = refused else { panic!("{refused}") };
    assert_eq!(hole.to_string(), "stream usage/proxy:1: event 3 should be next, 4 came");
    assert_eq!(world.number("SELECT count(*) FROM view_usage_log.usage_log").await, 2);
}
