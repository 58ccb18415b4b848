use crate::world::{World, at, ever, noon};
use clawplane_domain::{
    BotId, KeyId, TenantId,
    bot::{BotCommand, BotState, Observation},
    clock::Ids,
};
use clawplane_projections::{AuditFilter, RebuildError, View, admin};
use pretty_assertions::assert_eq;
use sqlx::Row;
use std::sync::atomic::{AtomicBool, Ordering};

/// Every row of every table of a read model, and what is known about its streams.
async fn contents(world: &World, view: View) -> Vec<String> {
    let tables = sqlx::query("SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1")
        .bind(format!("view_{view}"))
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert!(!tables.is_empty());
    let mut all = Vec::new();
    for table in tables {
        let table: String = table.get(0);
        let sql = format!("SELECT '{table} ' || t::text FROM view_{view}.{table} t ORDER BY 1");
        all.extend(
            sqlx::query(&sql).fetch_all(&world.pool).await.unwrap().iter().map(|row| row.get::<String, _>(0)),
        );
    }
    let sequences =
        sqlx::query("SELECT p::text FROM projection_sequences p WHERE projection = $1 ORDER BY 1");
    let sequences = sequences.bind(view.name()).fetch_all(&world.pool).await.unwrap();
    all.extend(sequences.iter().map(|row| row.get::<String, _>(0)));
    all
}

/// Writes of every kind until it is told to stop; at least `least` rounds of them.
async fn write(world: &World, tenant: TenantId, stream: &str, least: u64, stop: &AtomicBool) {
    let key = world.key(tenant, stream).await;
    let mut round = 0;
    while round < least || !stop.load(Ordering::SeqCst) {
        let hostname = format!("{}-{round}", stream.replace(':', "-"));
        let (bot, _) = world.bot(tenant, &hostname).await;
        world.command(tenant, bot, BotCommand::Observe(Observation::new(BotState::Running))).await;
        if round % 3 == 0 {
            world.command(tenant, bot, BotCommand::Delete).await;
            world.command(tenant, bot, BotCommand::ConfirmRemoved).await;
        }
        let usage = (0..20).map(|n| usage(world, tenant, bot, key, n)).collect();
        world.append(stream, round * 20 + 1, usage).await;
        round += 1;
    }
}

/// Asks until it is told to stop: no answer may fail, whichever tables are being exchanged.
async fn read(world: &World, tenant: TenantId, stop: &AtomicBool) {
    let (views, bot) = (&world.views, BotId(world.ids.uuid()));
    while !stop.load(Ordering::SeqCst) {
        views.bots.list(tenant, None, 5).await.unwrap();
        views.keys.list(tenant, None, 5).await.unwrap();
        views.usage.stats(tenant, bot, ever()).await.unwrap();
        views.usage.window_totals(noon(), &[]).await.unwrap();
        views.audit.page(tenant, &AuditFilter::default(), None, 5).await.unwrap();
    }
}

fn usage(
    world: &World,
    tenant: TenantId,
    bot: BotId,
    key: KeyId,
    n: u32,
) -> clawplane_domain::usage::UsageRecorded {
    let mut usage = world.usage(tenant, bot, at(&format!("2026-03-{:02}T{:02}:30:00Z", n % 5 + 1, n)));
    usage.key_id = Some(key);
    usage
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rebuild_under_writers_gives_what_the_live_one_has() {
    let world = World::new().await;
    let _running = world.run();
    let tenant = world.tenant();
    world.price(tenant, "gpt-x").await;
    let stop = AtomicBool::new(false);
    let rebuilds = async {
        for view in View::ALL {
            let mut told = Vec::new();
            let report = admin::rebuild(&world.pool, view.name(), |events| told.push(events)).await.unwrap();
            assert_eq!((report.view, report.parked), (view, 0));
            assert_eq!(told.last().copied().unwrap_or_default(), report.events);
        }
        stop.store(true, Ordering::SeqCst);
    };
    let (first, second) = (write(&world, tenant, "p:1", 20, &stop), write(&world, tenant, "p:2", 20, &stop));
    tokio::join!(first, second, read(&world, tenant, &stop), rebuilds);
    world.settled().await;
    assert_eq!(world.number("SELECT count(*) FROM parked_events").await, 0);

    for view in View::ALL {
        let live = contents(&world, view).await;
        let report = admin::rebuild(&world.pool, view.name(), |_| {}).await.unwrap();
        // Of price rows there is one event, and of what this world has none of there is nothing.
        let least = match view {
            View::Prices => 1,
            View::Hosts | View::Backups | View::BotConfigs => 0,
            _ => 40,
        };
        assert!(report.events >= least, "{view}: {report:?}");
        assert_eq!(contents(&world, view).await, live, "{view}");
    }
    // Nothing is left of what was beside or before.
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'view%next' OR nspname LIKE 'view%old'";
    assert_eq!(world.number(left).await, 0);
    assert_eq!(
        world.number("SELECT count(*) FROM checkpoints").await,
        i64::try_from(View::ALL.len()).unwrap()
    );
    // And the live projections go on in the new tables.
    world.bot(tenant, "last").await;
    world.settled().await;
    assert!(world.views.bots.find(tenant, &"last".parse().unwrap()).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_was_killed_is_no_obstacle_and_the_live_one_goes_on_meanwhile() {
    let world = World::new().await;
    let _running = world.run();
    let (tenant, bot) = (world.tenant(), BotId(world.ids.uuid()));
    world.append("p:1", 1, (0..100).map(|_| world.usage(tenant, bot, noon())).collect()).await;
    world.settled().await;
    let (pool, told) = (world.pool.clone(), tokio::sync::Notify::new());
    {
        // Holds back the swap, so that the rebuild can be seen and killed in the middle.
        let mut holder = world.pool.begin().await.unwrap();
        let lock = sqlx::query("SELECT 1 FROM checkpoints WHERE name = 'usage_log' FOR UPDATE");
        lock.execute(&mut *holder).await.unwrap();
        let rebuild = admin::rebuild(&pool, "usage_log", |_| told.notify_one());
        tokio::select! {
            done = rebuild => panic!("{done:?}"),
            () = told.notified() => {}
        }
        holder.rollback().await.unwrap();
    }
    let half = "SELECT count(*) FROM view_usage_log_next.usage_log";
    assert_eq!(world.number(half).await, 100);
    world.append("p:1", 101, vec![world.usage(tenant, bot, noon())]).await;
    world.settled().await;
    assert_eq!(world.number("SELECT count(*) FROM view_usage_log.usage_log").await, 101);

    // The lock of the killed one goes with its connection, which the server notices on its own.
    let report = loop {
        match admin::rebuild(&world.pool, "usage_log", |_| {}).await {
            Err(RebuildError::Running) => tokio::task::yield_now().await,
            other => break other.unwrap(),
        }
    };
    assert_eq!(report.events, 101);
    assert_eq!(world.number("SELECT count(*) FROM view_usage_log.usage_log").await, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rebuilds_of_one_read_model_do_not_meet() {
    let world = World::new().await;
    let mut other = world.pool.acquire().await.unwrap();
    sqlx::query("SELECT pg_advisory_lock(hashtextextended('clawplane rebuild bots', 0))")
        .execute(&mut *other)
        .await
        .unwrap();
    let refused = admin::rebuild(&world.pool, "bots", |_| {}).await.unwrap_err();
    assert!(matches!(refused, RebuildError::Running), "{refused}");
    admin::rebuild(&world.pool, "audit", |_| {}).await.unwrap();
    let unknown = admin::rebuild(&world.pool, "nonsense", |_| {}).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no projection `nonsense`");
}
