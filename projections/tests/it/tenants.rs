use crate::world::{World, ever, noon};
use clawplane_projections::{AuditFilter, Bucket, By, Range};
use pretty_assertions::assert_eq;

/// Asks every query that takes a tenant for what belongs to another one.
#[tokio::test(flavor = "multi_thread")]
async fn no_query_shows_what_is_another_tenants() {
    let world = World::new().await;
    let _running = world.run();
    let (owner, stranger) = (world.tenant(), world.tenant());
    let (bot, _) = world.bot(owner, "alpha").await;
    let key = world.key(owner, "main").await;
    world.append("proxy:1", 1, vec![world.usage(owner, bot, noon())]).await;
    world.settled().await;
    let views = &world.views;
    let name = "alpha".parse().unwrap();

    for (tenant, sees) in [(owner, true), (stranger, false)] {
        let count = usize::from(sees);
        assert_eq!(views.bots.find(tenant, &name).await.unwrap().is_some(), sees);
        assert_eq!(views.bots.list(tenant, None, 10).await.unwrap().items.len(), count);
        assert_eq!(views.bots.stats(tenant).await.unwrap().total, u64::from(sees));
        assert_eq!(views.keys.find(tenant, key).await.unwrap().is_some(), sees);
        assert_eq!(views.keys.list(tenant, None, 10).await.unwrap().items.len(), count);
        assert_eq!(views.usage.logs(tenant, bot, ever(), None, 10).await.unwrap().items.len(), count);
        assert_eq!(views.usage.stats(tenant, bot, ever()).await.unwrap().requests, u64::from(sees));
        // A range of less than an hour comes out of another table.
        let minute = Range { from: noon(), to: noon() + chrono::TimeDelta::minutes(1) };
        assert_eq!(views.usage.stats(tenant, bot, minute).await.unwrap().requests, u64::from(sees));
        for bucket in [Bucket::Hour, Bucket::Day] {
            assert_eq!(views.usage.trend(tenant, bot, ever(), bucket).await.unwrap().len(), count);
        }
        for by in [By::Vendor, By::Model, By::Key] {
            assert_eq!(views.usage.breakdown(tenant, bot, ever(), by).await.unwrap().len(), count);
        }
        let audit = views.audit.page(tenant, &AuditFilter::default(), None, 10).await.unwrap().items;
        assert_eq!(audit.len(), if sees { 4 } else { 0 });
    }
}
