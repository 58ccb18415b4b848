use crate::world::{World, noon};
use clawplane_domain::{
    bot::{Access, BotCommand, BotState, Changes, Desired, LimitsChange, NewBot, Observation, Setup},
    quota::{Quota, QuotaCommand, QuotaLimits, QuotaSubject},
};
use clawplane_projections::{BotStats, View};
use pretty_assertions::assert_eq;

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_is_shown_as_it_is_until_it_is_removed() {
    let world = World::new().await;
    let _running = world.run();
    let tenant = world.tenant();
    let new = world.new_bot(tenant, "alpha");
    let (id, token) = (new.id, world.token());
    let position = world
        .command(tenant, id, BotCommand::Create(Box::new(new.clone()), token.clone(), Access::default()))
        .await;
    world.seen(View::Bots, position).await;
    let found = world.views.bots.find(tenant, &new.hostname).await.unwrap().unwrap();
    assert_eq!((found.id, found.tenant_id, found.hostname.as_str()), (id, tenant, "alpha"));
    assert_eq!(
        (found.name, found.port, found.tags, found.models),
        (new.name, new.port, new.tags, new.models)
    );
    assert_eq!((found.token, found.quota, found.created_by), (Some(token), None, new.created_by));
    assert_eq!((found.desired, found.observed.state), (Desired::Stopped, BotState::Created));
    assert_eq!((found.created_at, found.state_since), (noon(), noon()));

    world.command(tenant, id, BotCommand::Start).await;
    let mut metadata = world.metadata(tenant);
    metadata.at += chrono::TimeDelta::seconds(9);
    let mut seen = Observation::new(BotState::Running);
    seen.container_id = Some("c0ffee".to_owned());
    let observe = BotCommand::Observe(seen.clone());
    let run =
        world.executor.execute::<clawplane_domain::bot::Bot>(id, observe, metadata.clone()).await.unwrap();
    world.seen(View::Bots, run.position.unwrap()).await;
    let found = world.views.bots.find(tenant, &new.hostname).await.unwrap().unwrap();
    assert_eq!((found.desired, &found.observed, found.state_since), (Desired::Running, &seen, metadata.at));
    let stats = BotStats { total: 1, running: 1, desired_running: 1, ..BotStats::default() };
    assert_eq!(world.views.bots.stats(tenant).await.unwrap(), stats);

    // News that leave the state as it is leave the time as it is.
    seen.restarts = 2;
    world.command(tenant, id, BotCommand::Observe(seen)).await;
    let position = world.command(tenant, id, BotCommand::Delete).await;
    world.seen(View::Bots, position).await;
    assert_eq!(world.views.bots.find(tenant, &new.hostname).await.unwrap(), None);
    assert_eq!(world.views.bots.list(tenant, None, 10).await.unwrap().items, []);
    assert_eq!(world.views.bots.stats(tenant).await.unwrap(), BotStats::default());
    let present = world.views.bots.all_present().await.unwrap();
    assert_eq!(present.len(), 1);
    assert_eq!(
        (present[0].desired, &present[0].token, present[0].observed.restarts),
        (Desired::Deleted, &None, 2)
    );
    assert_eq!(present[0].state_since, metadata.at);

    let position = world.command(tenant, id, BotCommand::ConfirmRemoved).await;
    world.seen(View::Bots, position).await;
    assert_eq!(world.views.bots.all_present().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_may_come_before_its_bot() {
    let world = World::new().await;
    let tenant = world.tenant();
    let new = world.new_bot(tenant, "alpha");
    let id = new.id;
    let limits = QuotaLimits { daily_tokens: Some(1000), ..QuotaLimits::default() };
    let set = QuotaCommand::Set { subject: QuotaSubject::bot(tenant, id), limits };
    world.executor.execute::<Quota>(id, set, world.metadata(tenant)).await.unwrap();
    let position =
        world.command(tenant, id, BotCommand::Create(Box::new(new), world.token(), Access::default())).await;
    let _running = world.run();
    world.seen(View::Bots, position).await;
    let found = world.views.bots.find(tenant, &"alpha".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(found.quota, Some(limits));

    let limits = QuotaLimits { monthly_tokens: Some(5), ..QuotaLimits::default() };
    let set = QuotaCommand::Set { subject: QuotaSubject::bot(tenant, id), limits };
    let set = world.executor.execute::<Quota>(id, set, world.metadata(tenant)).await.unwrap();
    world.seen(View::Bots, set.position.unwrap()).await;
    let found = world.views.bots.find(tenant, &"alpha".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(found.quota, Some(limits));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freed_name_belongs_to_the_next_bot() {
    let world = World::new().await;
    let (tenant, other) = (world.tenant(), world.tenant());
    let (first, _) = world.bot(tenant, "alpha").await;
    world.command(tenant, first, BotCommand::Delete).await;
    let (second, _) = world.bot(other, "alpha").await;
    let _running = world.run();
    world.settled().await;
    assert_eq!(world.views.bots.find(tenant, &"alpha".parse().unwrap()).await.unwrap(), None);
    let found = world.views.bots.find(other, &"alpha".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(found.id, second);
    assert_eq!(world.views.bots.all_present().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bots_life_is_shown_without_its_persona_and_found_by_its_present_name() {
    let world = World::new().await;
    let _running = world.run();
    let tenant = world.tenant();
    let new = world.new_bot(tenant, "alpha");
    let id = new.id;
    let setup = Setup {
        features: [("canvas".parse().unwrap(), true)].into(),
        environment: [("TZ".parse().unwrap(), "UTC".parse().unwrap())].into(),
        persona: Some("I am Alpha.".parse().unwrap()),
        origin: None,
    };
    let (token, access) = (world.token(), Access::default());
    let making = NewBot { bot: new, setup: setup.clone(), token, access, fallbacks: Vec::new() };
    world.command(tenant, id, BotCommand::CreateWith(Box::new(making))).await;
    let changes = Changes {
        hostname: Some("beta".parse().unwrap()),
        limits: LimitsChange { pids: Some(7), ..LimitsChange::default() },
        ..Changes::default()
    };
    world.command(tenant, id, BotCommand::Change(Box::new(changes))).await;
    world.command(tenant, id, BotCommand::Start).await;
    world.command(tenant, id, BotCommand::Restart).await;
    let position = world.command(tenant, id, BotCommand::Upgrade(Some("new:1".parse().unwrap()))).await;
    world.seen(View::Bots, position).await;
    assert_eq!(world.views.bots.find(tenant, &"alpha".parse().unwrap()).await.unwrap(), None);
    let found = world.views.bots.find(tenant, &"beta".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((found.id, found.limits.pids, found.life.generation), (id, 7, 1));
    assert_eq!(
        (found.life.features.clone(), found.life.environment.clone()),
        (setup.features, setup.environment)
    );
    assert_eq!((found.life.has_persona, found.life.persona.clone()), (true, None));
    assert_eq!(found.life.trial().unwrap().image, Some("new:1".parse().unwrap()));
    assert_ne!(found.image, Some("new:1".parse().unwrap()));
    let position = world.command(tenant, id, BotCommand::CommitUpgrade { number: 1 }).await;
    world.seen(View::Bots, position).await;
    let found = world.views.bots.find(tenant, &"beta".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((found.image, found.life.trial()), (Some("new:1".parse().unwrap()), None));
}
