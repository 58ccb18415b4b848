//! The event store: usage events, commands and rebuilds a second.

use chrono::Utc;
use clawplane_domain::{
    Actor, BotId, KeyId, Metadata, RequestId, TenantId,
    quota::{Quota, QuotaCommand, QuotaLimits, QuotaSubject},
    usage::{Tokens, UsageRecorded},
};
use clawplane_eventstore::{Executor, UsageAppender, Wakeup, database};
use clawplane_projections::admin;
use clawplane_tests::{Platform, wait};
use std::time::{Duration, Instant};
use uuid::Uuid;

const BATCH: u64 = 1000;
const BATCHES: u64 = 300;
const WRITERS: usize = 16;
const COMMAND_TIME: Duration = Duration::from_secs(5);

/// Measures against the database of a running platform, whose projections follow meanwhile.
pub(crate) async fn run(platform: &Platform) {
    let url =
        std::fs::read_to_string(platform.data_dir().join("postgres.url")).expect("the database's address");
    let pool = database::connect(url.trim(), 24).await.expect("the database");
    let tenant = TenantId(Uuid::now_v7());

    println!("\n| what | a second |\n|---|---|");
    let began = Instant::now();
    let appender = UsageAppender::new(pool.clone(), Wakeup::default());
    for batch in 0..BATCHES {
        let records: Vec<_> =
            (0..BATCH).map(|n| (batch * BATCH + n + 1, usage(tenant, batch * BATCH + n))).collect();
        appender.append("bench:1", &records).await.expect("an append");
    }
    let events = (BATCH * BATCHES) as f64;
    println!(
        "| usage events appended (one writer, batches of {BATCH}, projections following) | {:.0} |",
        events / began.elapsed().as_secs_f64()
    );

    wait::until("the projections to catch up", 600, || async {
        let list = admin::list(&pool).await.map_err(|error| error.to_string())?;
        let behind: i64 = list.iter().map(|row| row.lag_events).sum();
        if behind == 0 { Ok(()) } else { Err(format!("{behind} behind")) }
    })
    .await;
    println!(
        "| all projections, from the first append until they had caught up | {:.0} |",
        events / began.elapsed().as_secs_f64()
    );

    println!(
        "| commands ({WRITERS} at once, each on a stream of its own) | {:.0} |",
        commands(&pool, tenant).await
    );
    for name in ["usage_log", "usage_rollups", "audit"] {
        let report = admin::rebuild(&pool, name, |_| ()).await.expect("a rebuild");
        println!("| rebuild of {name} | {:.0} |", report.events as f64 / report.took.as_secs_f64());
    }
}

async fn commands(pool: &database::Pool, tenant: TenantId) -> f64 {
    let executor = Executor::new(pool.clone(), Wakeup::default());
    let began = Instant::now();
    let writers = (0..WRITERS).map(|_| {
        let executor = executor.clone();
        tokio::spawn(async move {
            let mut done = 0_u64;
            while began.elapsed() < COMMAND_TIME {
                // Short streams, as real ones are: what is measured is not the length of a history.
                let bot_id = BotId(Uuid::now_v7());
                for limit in 1..=5 {
                    let limits = QuotaLimits { daily_tokens: Some(limit), ..QuotaLimits::default() };
                    let command = QuotaCommand::Set { subject: QuotaSubject::bot(tenant, bot_id), limits };
                    executor.execute::<Quota>(bot_id, command, metadata(tenant)).await.expect("a command");
                    done += 1;
                }
            }
            done
        })
    });
    let mut done = 0;
    for writer in writers.collect::<Vec<_>>() {
        done += writer.await.expect("a writer");
    }
    done as f64 / began.elapsed().as_secs_f64()
}

fn metadata(tenant_id: TenantId) -> Metadata {
    Metadata { tenant_id, actor: Actor::system("bench"), at: Utc::now(), request_id: None, causation: None }
}

/// A hundred bots, three models, as many hours as a day has.
fn usage(tenant_id: TenantId, n: u64) -> UsageRecorded {
    let models = ["gpt-4o-mini", "gpt-4o", "o3"];
    UsageRecorded {
        request_id: RequestId(Uuid::now_v7()),
        tenant_id,
        bot_id: BotId(Uuid::from_u128(u128::from(n % 100) + 1)),
        key_id: Some(KeyId(Uuid::from_u128(u128::from(n % 7) + 1))),
        vendor: "openai".parse().expect("a vendor"),
        model: models.get((n % 3) as usize).map(|model| model.parse().expect("a model")),
        status: 200,
        error: None,
        stream: n.is_multiple_of(2),
        tokens: Tokens { input_tokens: 100 + n % 50, output_tokens: n % 40, ..Tokens::default() },
        service_tier: None,
        cost_micros: Some(n % 1000),
        price_version: Some("bench".to_owned()),
        estimated: false,
        interrupted: false,
        ttfb_ms: Some(120),
        duration_ms: 900,
        at: Utc::now() - chrono::Duration::minutes(i64::try_from(n % 1440).unwrap_or(0)),
        attempts: 1,
    }
}
