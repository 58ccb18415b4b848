//! The worker against the fake engine: from every state to what is wanted.

use crate::desk::{Desk, IMAGE, read, token_of};
use clawplane_domain::bot::{BotCommand, BotState, Limits};
use clawplane_workers::{EngineStatus, FakeRuntime, runtime::Phase};
use pretty_assertions::assert_eq;
use std::sync::Arc;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_bot_goes_from_created_to_running_to_stopped_to_gone() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let config = desk.config();
    let egress = config.egress_port;
    let running = desk.work(config, Arc::new(fake.clone()));
    let bot = desk.bot("anna", None).await;
    desk.tell(bot, BotCommand::Start).await;
    let seen = desk.until_state(bot, BotState::Running).await;
    assert_eq!(seen.container_id.as_deref(), Some("fake-1"));

    let file = read(&desk.state_dir(bot).join("openclaw.json"));
    assert!(file.contains(&token_of(bot)));
    assert!(file.contains(&format!("http://127.77.1.1:{egress}/api/v1/openai")), "{file}");
    let spec = fake.container(bot).unwrap().spec;
    assert_eq!((spec.image.as_str(), spec.limits.pids), (IMAGE, 32));
    assert!(!format!("{spec:?}").contains(&token_of(bot)), "docker inspect would show it");
    let port = desk.load(bot).await.port;
    TcpStream::connect(("127.0.0.1", port)).await.expect("its port is open");
    TcpStream::connect(("127.77.1.1", egress)).await.expect("its way to the proxy is open");

    desk.tell(bot, BotCommand::Stop).await;
    desk.until_state(bot, BotState::Stopped).await;
    assert_eq!(fake.container(bot).unwrap().seen.phase, Phase::Exited);
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "a stopped bot's port is closed");

    desk.tell(bot, BotCommand::Start).await;
    desk.until_state(bot, BotState::Running).await;
    assert_eq!(
        fake.calls().iter().filter(|call| call.starts_with("create")).count(),
        1,
        "it is the same container"
    );

    desk.tell(bot, BotCommand::Delete).await;
    desk.until_removed(bot).await;
    assert!(fake.container(bot).is_none() && !fake.has_network(bot) && !desk.state_dir(bot).exists());
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    let all = "Starting Starting Running Stopping Stopped Starting Running Deleting";
    let states: Vec<String> = desk.states(bot).await.iter().map(|state| format!("{state:?}")).collect();
    assert_eq!(states.join(" "), all, "each state is told once");
    running.stop().await;
}

#[tokio::test]
async fn a_bot_that_was_never_started_is_left_alone_and_can_be_deleted() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let quiet = desk.bot("quiet", None).await;
    let other = desk.started("other").await;
    desk.until_state(other, BotState::Running).await;
    assert_eq!(desk.states(quiet).await, []);
    desk.tell(quiet, BotCommand::Delete).await;
    desk.until_removed(quiet).await;
    assert_eq!(fake.calls().len(), 2, "only the other one has a container: {:?}", fake.calls());
    running.stop().await;
}

#[tokio::test]
async fn a_restarted_worker_adopts_what_runs_without_touching_it() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let config = desk.config();
    let running = desk.work(config.clone(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    desk.until_state(bot, BotState::Running).await;
    let port = desk.load(bot).await.port;
    running.stop().await;
    assert_eq!(fake.container(bot).unwrap().seen.phase, Phase::Running, "containers outlive the platform");
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "its forwarders do not");

    let (calls, states) = (fake.calls(), desk.states(bot).await);
    let running = desk.work(config, Arc::new(fake.clone()));
    desk.wait("its port is open again", || async { TcpStream::connect(("127.0.0.1", port)).await.is_ok() })
        .await;
    assert_eq!((fake.calls(), desk.states(bot).await), (calls, states));
    running.stop().await;
}

#[tokio::test]
async fn another_image_makes_another_container() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE, "clawplane/test-bot:2"]);
    let config = desk.config();
    let running = desk.work(config.clone(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    desk.until_state(bot, BotState::Running).await;
    running.stop().await;

    let newer = clawplane_workers::DockerWorkerConfig {
        default_image: "clawplane/test-bot:2".parse().unwrap(),
        ..config
    };
    let running = desk.work(newer, Arc::new(fake.clone()));
    desk.until(bot, "its new container runs", |seen| {
        seen.state == BotState::Running && seen.container_id.as_deref() == Some("fake-2")
    })
    .await;
    assert_eq!(fake.container(bot).unwrap().spec.image.as_str(), "clawplane/test-bot:2");
    running.stop().await;
}

#[tokio::test]
async fn a_container_that_was_removed_by_hand_comes_back() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    // Only the engine's own event can tell so soon.
    let config = clawplane_workers::DockerWorkerConfig {
        reconcile_every: std::time::Duration::from_hours(1),
        ..desk.config()
    };
    let running = desk.work(config, Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    desk.until_state(bot, BotState::Running).await;
    fake.take_away(bot);
    desk.until(bot, "another container runs", |seen| {
        seen.state == BotState::Running && seen.container_id.as_deref() == Some("fake-2")
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn without_an_engine_nothing_is_said_of_the_bots_and_its_return_is_enough() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    fake.set_down(Some("there is no /var/run/docker.sock"));
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let mut engine = running.worker.engine();
    let status = engine.wait_for(|status| *status != EngineStatus::Unknown).await.unwrap().clone();
    assert_eq!(status, EngineStatus::Unavailable { reason: "there is no /var/run/docker.sock".into() });
    let bot = desk.started("anna").await;
    assert_eq!(desk.states(bot).await, []);
    fake.set_down(None);
    engine.wait_for(|status| matches!(status, EngineStatus::Available { .. })).await.unwrap();
    desk.until_state(bot, BotState::Running).await;
    running.stop().await;
}

#[tokio::test]
async fn two_bots_have_two_networks_and_one_bots_ways_close_alone() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let (anna, bert) = (desk.started("anna").await, desk.started("bert").await);
    desk.until_state(anna, BotState::Running).await;
    desk.until_state(bert, BotState::Running).await;
    let names = (fake.container(anna).unwrap().spec.name, fake.container(bert).unwrap().spec.name);
    assert!(names.0.starts_with("clawplane-anna-") && names.1.starts_with("clawplane-bert-"));
    desk.tell(anna, BotCommand::Delete).await;
    desk.until_removed(anna).await;
    TcpStream::connect(("127.0.0.1", desk.load(bert).await.port))
        .await
        .expect("the other's port is still open");
    running.stop().await;
}

#[tokio::test]
async fn a_bot_beyond_its_disk_limit_is_stopped_until_there_is_room() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let limits = Limits { disk_mib: Some(64), ..Limits::default() };
    let bot = desk.bot_with("anna", None, limits).await;
    desk.tell(bot, BotCommand::Start).await;
    desk.until_state(bot, BotState::Running).await;
    let filler = desk.state_dir(bot).join("workspace/filler");
    std::fs::write(&filler, vec![1; 56 << 20]).unwrap();
    let near = |text: &str| text.contains("more than 80 %");
    let warned = desk.until(bot, "it is warned", |seen| seen.reason.as_deref().is_some_and(near)).await;
    assert_eq!(warned.state, BotState::Running);
    std::fs::write(&filler, vec![1; 70 << 20]).unwrap();
    let full = desk.until_state(bot, BotState::Failed).await;
    assert!(full.reason.as_deref().unwrap().starts_with("disk_limit: its folder has 70 MiB"), "{full:?}");
    assert_ne!(fake.container(bot).unwrap().seen.phase, Phase::Running);
    desk.tell(bot, BotCommand::Stop).await;
    desk.until_state(bot, BotState::Stopped).await;
    desk.tell(bot, BotCommand::Start).await;
    desk.until_state(bot, BotState::Failed).await;
    assert_ne!(fake.container(bot).unwrap().seen.phase, Phase::Running, "it cannot be started");
    std::fs::remove_file(&filler).unwrap();
    desk.until_state(bot, BotState::Running).await;
    running.stop().await;
}
