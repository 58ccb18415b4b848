//! The worker against the fake engine: bots that are restarted, changed, renamed, cloned, set up anew, deleted with their
//! data kept.

use crate::desk::{Desk, IMAGE, read};
use clawplane_domain::{
    BotId,
    bot::{BotCommand, BotState, Changes, LimitsChange, Origin, Setup},
};
use clawplane_workers::FakeRuntime;
use pretty_assertions::assert_eq;
use std::{net::TcpListener, sync::Arc};

fn creates(fake: &FakeRuntime) -> usize {
    fake.calls().iter().filter(|call| call.starts_with("create")).count()
}

fn change(changes: Changes) -> BotCommand {
    BotCommand::Change(Box::new(changes))
}

async fn runs_in(desk: &Desk, bot: BotId, container: &str) {
    desk.until(bot, &format!("it runs in {container}"), |seen| {
        seen.state == BotState::Running && seen.container_id.as_deref() == Some(container)
    })
    .await;
}

#[tokio::test]
async fn each_restart_makes_one_new_process_and_what_people_edited_stays() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let config = desk.config();
    let running = desk.work(config.clone(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    runs_in(&desk, bot, "fake-1").await;
    let file = desk.state_dir(bot).join("openclaw.json");
    let edited = format!("// mine\n{}", read(&file));
    std::fs::write(&file, &edited).unwrap();

    desk.tell(bot, BotCommand::Restart).await;
    runs_in(&desk, bot, "fake-2").await;
    assert_eq!(read(&file), edited);
    running.stop().await;
    // A worker that comes later sees that it was done.
    let running = desk.work(config, Arc::new(fake.clone()));
    let other = desk.started("other").await;
    desk.until_state(other, BotState::Running).await;
    assert_eq!(creates(&fake), 3, "{:?}", fake.calls());

    std::fs::write(&file, edited.replace("\"mode\": \"local\"", "\"mode\": \"remote\"")).unwrap();
    assert_ne!(read(&file), edited);
    desk.tell(bot, BotCommand::Init).await;
    runs_in(&desk, bot, "fake-4").await;
    assert_eq!(read(&file), edited, "what is the platform's is said anew, what people wrote stays");
    desk.tell(bot, BotCommand::Restart).await;
    runs_in(&desk, bot, "fake-5").await;
    running.stop().await;
}

#[tokio::test]
async fn a_restart_that_nobody_heard_is_made_up_for_once() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let config = desk.config();
    let running = desk.work(config.clone(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    runs_in(&desk, bot, "fake-1").await;
    running.stop().await;
    for _ in 0..3 {
        desk.tell(bot, BotCommand::Restart).await;
    }
    let running = desk.work(config, Arc::new(fake.clone()));
    runs_in(&desk, bot, "fake-2").await;
    assert_eq!(creates(&fake), 2);
    running.stop().await;
}

#[tokio::test]
async fn a_left_alone_bot_comes_back_with_a_restart_or_a_start() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let bot = desk.bot("anna", None).await;
    for command in [BotCommand::Start, BotCommand::Restart] {
        fake.set_dies_at_start(bot, Some(3));
        desk.tell(bot, BotCommand::Start).await;
        let seen = desk.until(bot, "it is left alone", |seen| seen.left_alone).await;
        assert_eq!(seen.state, BotState::Failed);
        fake.set_dies_at_start(bot, None);
        desk.tell(bot, command).await;
        let seen = desk.until_state(bot, BotState::Running).await;
        assert!(!seen.left_alone);
        desk.tell(bot, BotCommand::Stop).await;
        desk.until_state(bot, BotState::Stopped).await;
    }
    running.stop().await;
}

#[tokio::test]
async fn a_rename_keeps_the_container_and_other_limits_make_another() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    runs_in(&desk, bot, "fake-1").await;
    let renamed = Changes { hostname: Some("bella".parse().unwrap()), ..Changes::default() };
    desk.tell(bot, change(renamed)).await;
    // Another bot can have the name at once, and a container beside the one that still carries it.
    let other = desk.started("anna").await;
    runs_in(&desk, other, "fake-2").await;
    assert_eq!(fake.container(bot).unwrap().seen.id, "fake-1");

    let environment = [("TZ".parse().unwrap(), "Europe/Berlin".parse().unwrap())].into();
    let limits = LimitsChange { pids: Some(99), ..LimitsChange::default() };
    let features = [("canvas".parse().unwrap(), true)].into();
    let changes =
        Changes { limits, environment: Some(environment), features: Some(features), ..Changes::default() };
    desk.tell(bot, change(changes)).await;
    runs_in(&desk, bot, "fake-3").await;
    let spec = fake.container(bot).unwrap().spec;
    assert!(spec.name.starts_with("clawplane-bella-"), "{}", spec.name);
    assert_eq!((spec.limits.pids, spec.limits.memory_mib), (99, 64));
    assert_eq!(spec.env[0], "TZ=Europe/Berlin", "the platform's own follow");
    assert!(spec.env.contains(&"HOME=/home/node".to_owned()));
    let features = read(&desk.state_dir(bot).join("workspace/features.json"));
    assert_eq!(features, "{\n  \"canvas\": true\n}\n");
    running.stop().await;
}

#[tokio::test]
async fn a_bot_begins_with_its_persona_and_a_clone_with_the_others() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let persona = Some("I am Anna.".parse().unwrap());
    let anna = desk.set_up("anna", Setup { persona: persona.clone(), ..Setup::default() }).await;
    desk.tell(anna, BotCommand::Start).await;
    desk.until_state(anna, BotState::Running).await;
    let soul = |bot| desk.state_dir(bot).join("workspace/SOUL.md");
    assert_eq!(read(&soul(anna)), "I am Anna.");
    std::fs::write(soul(anna), "I am Anna, and older.").unwrap();
    let origin = Some(Origin::CloneOf(anna));
    let clone = desk.set_up("clone", Setup { persona, origin, ..Setup::default() }).await;
    desk.tell(clone, BotCommand::Start).await;
    desk.until_state(clone, BotState::Running).await;
    assert_eq!(read(&soul(clone)), "I am Anna, and older.");
    running.stop().await;
}

#[tokio::test]
async fn kept_data_stay_until_another_bot_takes_them_over() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let first = desk.started("anna").await;
    desk.until_state(first, BotState::Running).await;
    let memory = |bot| desk.state_dir(bot).join("workspace/MEMORY.md");
    std::fs::write(memory(first), "much").unwrap();
    desk.tell(first, BotCommand::DeleteKeepingData).await;
    desk.until_removed(first).await;
    assert!(fake.container(first).is_none() && !fake.has_network(first));
    assert_eq!(read(&memory(first)), "much");

    let origin = Some(Origin::DataOf(first));
    let next = desk.set_up("anna", Setup { origin, ..Setup::default() }).await;
    desk.tell(next, BotCommand::Start).await;
    desk.until_state(next, BotState::Running).await;
    assert_eq!(read(&memory(next)), "much");
    assert!(!desk.state_dir(first).exists());
    let file = read(&desk.state_dir(next).join("openclaw.json"));
    assert!(file.contains(&crate::desk::token_of(next)) && !file.contains(&crate::desk::token_of(first)));
    running.stop().await;
}

#[tokio::test]
async fn data_that_are_not_there_are_the_reason() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let lost = desk.bot("lost", None).await;
    let origin = Some(Origin::DataOf(lost));
    let bot = desk.set_up("anna", Setup { origin, ..Setup::default() }).await;
    desk.tell(bot, BotCommand::Start).await;
    let seen = desk.until_state(bot, BotState::Failed).await;
    let reason = seen.reason.unwrap();
    assert!(reason.contains(&format!("the data that bot {lost} left are not on this host")), "{reason}");
    running.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_the_reason_until_it_is_free() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let bot = desk.bot("anna", None).await;
    let port = desk.load(bot).await.port;
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    desk.tell(bot, BotCommand::Start).await;
    // It is not given up for good, however long that takes.
    let seen = desk.until(bot, "it is left alone", |seen| seen.left_alone).await;
    assert_eq!(seen.state, BotState::Failed);
    let reason = seen.reason.unwrap();
    assert!(reason.starts_with(&format!("port {port} of this host is taken by another program")), "{reason}");
    assert!(!fake.calls().iter().any(|call| call.starts_with("start")), "nothing runs that nobody can reach");
    drop(taken);
    desk.until_state(bot, BotState::Running).await;
    running.stop().await;
}
