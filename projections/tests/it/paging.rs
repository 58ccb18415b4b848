use crate::world::{World, at, ever};
use clawplane_domain::{BotId, TenantId, clock::Ids};
use clawplane_projections::{AuditFilter, Cursor, Page, QueryError};
use pretty_assertions::assert_eq;

/// Walks a list page by page and gives the rows with the number of pages.
async fn walk<T>(
    mut page: impl AsyncFnMut(Option<Cursor>) -> Result<Page<T>, QueryError>,
) -> (Vec<T>, usize) {
    let (mut all, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let Page { items, next } = page(after).await.unwrap();
        all.extend(items);
        pages += 1;
        // As a client has it: a text.
        after = next.map(|cursor| cursor.to_string().parse().unwrap());
        if after.is_none() {
            return (all, pages);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_is_walked_exactly_once_in_its_order() {
    let world = World::new().await;
    let (tenant, bot) = filled(&world).await;
    let views = &world.views;

    let (bots, pages) = walk(async |after| views.bots.list(tenant, after, 3).await).await;
    let names: Vec<_> = bots.iter().map(|bot| bot.hostname.as_str()).collect();
    assert_eq!(names, ["a-1", "a-2", "a10", "aa", "b", "c", "z"]);
    assert_eq!(pages, 3);

    // All were made at the same instant: their ids decide.
    let (keys, pages) = walk(async |after| views.keys.list(tenant, after, 2).await).await;
    let labels: Vec<_> = keys.iter().map(|key| key.label.as_str()).collect();
    assert_eq!(labels, ["key 0", "key 1", "key 2", "key 3"]);
    assert_eq!(pages, 2);

    // Seven requests in each of three instants, in one stream, so the positions are in their order.
    let (logs, pages) = walk(async |after| views.usage.logs(tenant, bot, ever(), after, 4).await).await;
    let order: Vec<_> = logs.iter().map(|row| (row.at, row.position)).collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.reverse();
    assert_eq!((order.len(), pages), (21, 6));
    assert_eq!(order, sorted);

    let everything = AuditFilter::default();
    let (audit, pages) = walk(async |after| views.audit.page(tenant, &everything, after, 5).await).await;
    let order: Vec<_> = audit.iter().map(|row| row.position).collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.reverse();
    assert_eq!((order.len(), pages), (7 * 2 + 4 + 21, 8));
    assert_eq!(order, sorted);
}

async fn filled(world: &World) -> (TenantId, BotId) {
    let _running = world.run();
    let tenant = world.tenant();
    for hostname in ["b", "a10", "z", "a-2", "aa", "c", "a-1"] {
        world.bot(tenant, hostname).await;
    }
    for number in 0..4 {
        world.key(tenant, &format!("key {number}")).await;
    }
    let bot = BotId(world.ids.uuid());
    let instants = ["10:00", "11:00", "09:00"].map(|time| at(&format!("2026-03-10T{time}:00Z")));
    let usage = (0..21).map(|number| world.usage(tenant, bot, instants[number % 3])).collect();
    world.append("proxy:1", 1, usage).await;
    world.settled().await;
    (tenant, bot)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_goes_on_where_it_was_although_rows_came_and_went() {
    let world = World::new().await;
    let _running = world.run();
    let tenant = world.tenant();
    let bot = BotId(world.ids.uuid());
    let instant = |minute: u32| at(&format!("2026-03-10T12:{minute:02}:00Z"));
    world
        .append("proxy:1", 1, (0..6).map(|minute| world.usage(tenant, bot, instant(minute))).collect())
        .await;
    world.settled().await;
    let first = world.views.usage.logs(tenant, bot, ever(), None, 3).await.unwrap();
    world.append("proxy:1", 7, vec![world.usage(tenant, bot, instant(30))]).await;
    world.settled().await;
    let second = world.views.usage.logs(tenant, bot, ever(), first.next, 3).await.unwrap();
    let times =
        |page: &[clawplane_projections::UsageLogRow]| page.iter().map(|row| row.at).collect::<Vec<_>>();
    assert_eq!(times(&first.items), [5, 4, 3].map(instant));
    assert_eq!(times(&second.items), [2, 1, 0].map(instant));
    assert_eq!(second.next, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_cursor_is_refused() {
    let world = World::new().await;
    let (tenant, bot) = filled(&world).await;
    let of_bots = world.views.bots.list(tenant, None, 1).await.unwrap().next;
    let made_up: Option<Cursor> = Some("bm9uc2Vuc2U".parse().unwrap());
    for cursor in [of_bots, made_up] {
        let refused = [
            world.views.keys.list(tenant, cursor.clone(), 1).await.err(),
            world.views.usage.logs(tenant, bot, ever(), cursor.clone(), 1).await.err(),
            world.views.audit.page(tenant, &AuditFilter::default(), cursor, 1).await.err(),
        ];
        for error in refused {
            assert!(matches!(error, Some(QueryError::InvalidCursor(_))), "{error:?}");
        }
    }
}
