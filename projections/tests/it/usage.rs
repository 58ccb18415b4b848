use crate::world::{World, at, ever};
use chrono::{DurationRound, TimeDelta};
use clawplane_domain::{BotId, KeyId, TenantId, Timestamp, clock::Ids, usage::UsageRecorded};
use clawplane_eventstore::{Feed, Filter};
use clawplane_projections::{Bucket, By, Range, UsageTotals, View, WindowTotals};
use pretty_assertions::assert_eq;
use std::collections::BTreeMap;

/// Requests of five days, with every property in every mixture.
fn requests(world: &World, tenant: TenantId, bot: BotId) -> Vec<UsageRecorded> {
    let start = at("2026-02-27T22:17:00Z");
    (0..600_u32)
        .map(|n| {
            let mut usage = world.usage(tenant, bot, start + TimeDelta::minutes(i64::from(n) * 11));
            usage.vendor = ["openai", "anthropic"][n as usize % 2].parse().unwrap();
            usage.model = (n % 3 != 0).then(|| format!("model-{}", n % 4).parse().unwrap());
            usage.key_id = (n % 5 != 0).then(|| KeyId(uuid::Uuid::from_u128(u128::from(n % 3) + 1)));
            usage.status = [200, 200, 429, 500][n as usize % 4];
            usage.tokens.input_tokens = u64::from(n) + 50;
            usage.tokens.output_tokens = u64::from(n % 17) + 5;
            usage.cost_micros = (n % 7 != 0).then_some(u64::from(n));
            (usage.estimated, usage.interrupted) = (n % 8 == 0, n % 9 == 0);
            usage
        })
        .collect()
}

/// The sums as anybody would add them up.
fn sums<'a>(requests: impl IntoIterator<Item = &'a UsageRecorded>) -> UsageTotals {
    let mut totals = UsageTotals { cost_micros: Some(0), ..UsageTotals::default() };
    for usage in requests {
        totals.requests += 1;
        totals.errors += u64::from(usage.status >= 400);
        totals.tokens.input_tokens += usage.tokens.input_tokens;
        totals.tokens.cached_input_tokens += usage.tokens.cached_input_tokens;
        totals.tokens.cache_write_tokens += usage.tokens.cache_write_tokens;
        totals.tokens.output_tokens += usage.tokens.output_tokens;
        totals.tokens.reasoning_tokens += usage.tokens.reasoning_tokens;
        totals.cost_micros = totals.cost_micros.map(|cost| cost + usage.cost_micros.unwrap_or_default());
        totals.unpriced_requests += u64::from(usage.cost_micros.is_none());
        totals.estimated += u64::from(usage.estimated);
        totals.interrupted += u64::from(usage.interrupted);
    }
    if totals.requests > 0 && totals.unpriced_requests == totals.requests {
        totals.cost_micros = None;
    }
    totals
}

fn grouped<K: Ord>(
    requests: &[&UsageRecorded],
    key: impl Fn(&UsageRecorded) -> K,
) -> BTreeMap<K, UsageTotals> {
    let mut groups = BTreeMap::<K, Vec<&UsageRecorded>>::new();
    for usage in requests {
        groups.entry(key(usage)).or_default().push(usage);
    }
    groups.into_iter().map(|(key, group)| (key, sums(group))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_are_what_the_requests_add_up_to_in_any_range() {
    let world = World::new().await;
    let _running = world.run();
    let (tenant, bot) = (world.tenant(), BotId(world.ids.uuid()));
    let requests = requests(&world, tenant, bot);
    world.append("proxy:1", 1, requests.clone()).await;
    // Another bot's usage is in none of the sums.
    world
        .append("proxy:2", 1, vec![world.usage(tenant, BotId(world.ids.uuid()), at("2026-03-01T12:00:00Z"))])
        .await;
    world.settled().await;
    let ranges = [
        ("2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
        ("2026-02-28T00:00:00Z", "2026-03-02T00:00:00Z"),
        ("2026-02-28T03:00:00Z", "2026-02-28T20:00:00Z"),
        ("2026-02-27T23:12:00Z", "2026-03-03T01:07:00Z"),
        ("2026-03-01T10:05:00Z", "2026-03-01T10:40:00Z"),
        ("2026-03-01T10:05:00Z", "2026-03-01T11:40:00Z"),
        ("2026-03-01T23:30:00Z", "2026-03-02T00:30:00Z"),
        ("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z"),
    ];
    for (from, to) in ranges {
        let range = Range { from: at(from), to: at(to) };
        let inside: Vec<_> = requests.iter().filter(|u| u.at >= range.from && u.at < range.to).collect();
        compare(&world, (tenant, bot), range, &inside).await;
    }
}

async fn compare(world: &World, (tenant, bot): (TenantId, BotId), range: Range, inside: &[&UsageRecorded]) {
    let usage = &world.views.usage;
    let stats = usage.stats(tenant, bot, range).await.unwrap();
    assert_eq!(stats, sums(inside.iter().copied()), "{range:?}");
    let log = usage.logs(tenant, bot, range, None, 1000).await.unwrap();
    assert_eq!(log.items.len(), inside.len(), "{range:?}");
    let logged: u64 = log.items.iter().map(|row| row.tokens.total()).sum();
    assert_eq!(logged, stats.tokens.total(), "{range:?}");

    for (bucket, length) in [(Bucket::Hour, TimeDelta::hours(1)), (Bucket::Day, TimeDelta::days(1))] {
        let trend = usage.trend(tenant, bot, range, bucket).await.unwrap();
        let trend: Vec<_> = trend.into_iter().map(|point| (point.at, point.totals)).collect();
        let expected: Vec<_> =
            grouped(inside, |u| u.at.duration_trunc(length).unwrap()).into_iter().collect();
        assert_eq!(trend, expected, "{bucket:?} {range:?}");
    }
    for by in [By::Vendor, By::Model, By::Key] {
        let rows = usage.breakdown(tenant, bot, range, by).await.unwrap();
        let weights: Vec<_> = rows.iter().map(|row| row.totals.tokens.total()).collect();
        assert!(weights.is_sorted_by(|a, b| a >= b), "{by:?}: {weights:?}");
        let rows: BTreeMap<_, _> = rows.into_iter().map(|row| (row.key, row.totals)).collect();
        let expected = grouped(inside, |u| match by {
            By::Vendor => u.vendor.to_string(),
            By::Model => u.model.as_ref().map(ToString::to_string).unwrap_or_default(),
            By::Key => u.key_id.map(|key| key.to_string()).unwrap_or_default(),
        });
        assert_eq!(rows, expected, "{by:?} {range:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_row_says_all_of_a_request() {
    let world = World::new().await;
    let _running = world.run();
    let (tenant, bot) = (world.tenant(), BotId(world.ids.uuid()));
    let mut refused = world.usage(tenant, bot, at("2026-03-10T12:00:00.123456Z"));
    (refused.status, refused.error) = (429, Some("quota_exceeded".to_owned()));
    (refused.model, refused.key_id, refused.cost_micros, refused.ttfb_ms) = (None, None, None, None);
    (refused.estimated, refused.interrupted, refused.stream) = (true, true, false);
    let good = world.usage(tenant, bot, at("2026-03-10T11:00:00Z"));
    world.append("proxy:1", 1, vec![refused.clone(), good.clone()]).await;
    world.settled().await;
    let rows = world.views.usage.logs(tenant, bot, ever(), None, 10).await.unwrap().items;
    assert_eq!(rows.len(), 2);
    for (row, usage) in rows.iter().zip([refused, good]) {
        assert_eq!((row.request_id, row.at, &row.vendor), (usage.request_id, usage.at, &usage.vendor));
        assert_eq!((&row.model, row.key_id, row.status), (&usage.model, usage.key_id, usage.status));
        assert_eq!((&row.error, row.stream, row.tokens), (&usage.error, usage.stream, usage.tokens));
        assert_eq!(
            (row.cost_micros, row.estimated, row.interrupted),
            (usage.cost_micros, usage.estimated, usage.interrupted)
        );
        assert_eq!((row.ttfb_ms, row.duration_ms), (usage.ttfb_ms, usage.duration_ms));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_windows_of_quotas_are_the_utc_day_and_month_at_a_position() {
    let world = World::new().await;
    let running = world.run();
    let tenant = world.tenant();
    let (alpha, beta, idle) = (BotId(world.ids.uuid()), BotId(world.ids.uuid()), BotId(world.ids.uuid()));
    let days = [
        (alpha, "2026-03-01T00:00:00Z"),
        (alpha, "2026-03-09T23:59:59Z"),
        (alpha, "2026-03-10T00:00:00Z"),
        (alpha, "2026-03-10T12:00:00Z"),
        (beta, "2026-03-02T12:00:00Z"),
        (alpha, "2026-02-28T23:59:59Z"),
        (idle, "2026-02-10T12:00:00Z"),
    ];
    world.append("proxy:1", 1, days.map(|(bot, day)| world.usage(tenant, bot, at(day))).to_vec()).await;
    world.settled().await;
    running.stop().await;
    let now: Timestamp = at("2026-03-10T18:00:00Z");
    let (position, windows) = world.views.usage.window_totals(now, &[]).await.unwrap();
    let window = |bot_id, day: u64, month: u64| WindowTotals {
        tenant_id: tenant,
        bot_id,
        day_tokens: day * 120,
        day_cost_micros: day * 30,
        month_tokens: month * 120,
        month_cost_micros: month * 30,
    };
    assert_eq!(windows, [window(alpha, 2, 4), window(beta, 0, 1)]);

    // Whoever adds what comes after the position has everything once.
    world.append("proxy:1", 8, vec![world.usage(tenant, beta, now)]).await;
    world.head().await;
    let after =
        Feed::new(world.pool.clone()).read(position, Filter::Types(&["usage"]), 10).await.unwrap().events;
    assert_eq!(after.iter().map(|event| event.sequence).collect::<Vec<_>>(), [8]);
    let _running = world.run();
    world.seen(View::UsageRollups, after[0].position).await;
    let (_, windows) = world.views.usage.window_totals(now, &[]).await.unwrap();
    assert_eq!(windows, [window(alpha, 2, 4), window(beta, 1, 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_windows_of_quotas_are_those_of_the_tenants_time_zone_to_the_second() {
    let world = World::new().await;
    let _running = world.run();
    let cases = [
        // In Nepal the day begins at 18:15 UTC, in Berlin's summer at 22:00; on 29 March its clocks went forward.
        ("Asia/Kathmandu", "2026-03-10T17:00:00Z", "2026-03-09T18:15:00Z", "2026-02-28T18:15:00Z"),
        ("Europe/Berlin", "2026-03-29T21:00:00Z", "2026-03-28T23:00:00Z", "2026-02-28T23:00:00Z"),
        ("Europe/Berlin", "2026-03-30T21:00:00Z", "2026-03-29T22:00:00Z", "2026-02-28T23:00:00Z"),
        ("America/St_Johns", "2026-03-08T20:00:00Z", "2026-03-08T03:30:00Z", "2026-03-01T03:30:00Z"),
        ("UTC", "2026-03-10T17:00:00Z", "2026-03-10T00:00:00Z", "2026-03-01T00:00:00Z"),
    ];
    let second = chrono::TimeDelta::seconds(1);
    for (number, (zone, now, day, month)) in (1_u64..).zip(cases) {
        let (tenant, bot, gone) = (world.tenant(), BotId(world.ids.uuid()), BotId(world.ids.uuid()));
        let (now, day, month) = (at(now), at(day), at(month));
        let times = [month - second, month, day - second, day, now];
        let mut usage: Vec<_> = times.iter().map(|time| world.usage(tenant, bot, *time)).collect();
        usage.push(world.usage(tenant, gone, now));
        usage.push(world.usage(world.tenant(), BotId(world.ids.uuid()), now));
        world.append(&format!("zone:{number}"), 1, usage).await;
        world.settled().await;
        let zone = zone.parse().unwrap();
        let window = |bot_id, day: u64, month: u64| WindowTotals {
            tenant_id: tenant,
            bot_id,
            day_tokens: day * 120,
            day_cost_micros: day * 30,
            month_tokens: month * 120,
            month_cost_micros: month * 30,
        };
        let expected = [window(bot, 2, 4), window(gone, 1, 1)];
        assert_eq!(world.views.usage.tenant_windows(tenant, zone, now).await.unwrap(), expected, "{zone}");
        let (_, all) = world.views.usage.window_totals(now, &[(tenant, zone)]).await.unwrap();
        let of_tenant: Vec<_> = all.into_iter().filter(|totals| totals.tenant_id == tenant).collect();
        assert_eq!(of_tenant, expected, "{zone}");
    }
}
