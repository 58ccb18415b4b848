//! The worker against the fake engine: processes that end, images that are missing, health that goes.

use crate::desk::{Desk, IMAGE, token_of};
use clawplane_domain::bot::{BotCommand, BotState};
use clawplane_workers::{DockerWorkerConfig, FakeRuntime};
use pretty_assertions::assert_eq;
use std::{sync::Arc, time::Duration};

fn starts(fake: &FakeRuntime) -> usize {
    fake.calls().iter().filter(|call| call.starts_with("start")).count()
}

#[tokio::test]
async fn a_process_that_ends_is_told_with_its_code_and_last_lines_and_started_again() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    desk.until_state(bot, BotState::Running).await;
    fake.set_log(&format!("all is well\nbad token {}\n", token_of(bot)));
    fake.kill(bot, 9);
    let back =
        desk.until(bot, "it runs again", |seen| seen.state == BotState::Running && seen.restarts == 1).await;
    assert_eq!(back.container_id.as_deref(), Some("fake-1"));
    let history = desk.history().await;
    let failed = &history.iter().find(|(_, seen)| seen.state == BotState::Failed).expect("it was told").1;
    assert_eq!(failed.exit_code, Some(9));
    let reason = failed.reason.as_deref().unwrap();
    assert_eq!(reason, "it ended with exit code 9; its last lines:\nall is well\nbad token ***");
    running.stop().await;
}

#[tokio::test]
async fn a_bot_that_keeps_failing_is_left_alone_until_a_start_is_asked_for() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let bot = desk.bot("anna", None).await;
    fake.set_dies_at_start(bot, Some(3));
    desk.tell(bot, BotCommand::Start).await;
    let alone = |seen: &clawplane_domain::bot::Observation| {
        seen.state == BotState::Failed
            && seen.reason.as_deref().is_some_and(|reason| reason.contains("left alone"))
    };
    let seen = desk.until(bot, "it is left alone", alone).await;
    assert_eq!(seen.exit_code, Some(3));
    // The first start and five more; once again, where the first pass came before the feed's word of the start.
    let tries = starts(&fake);
    assert!((6..=12).contains(&tries), "{tries}");

    // Several passes later it still is: another bot's whole life goes by meanwhile.
    let other = desk.started("other").await;
    desk.until_state(other, BotState::Running).await;
    desk.tell(other, BotCommand::Delete).await;
    desk.until_removed(other).await;
    assert_eq!(starts(&fake), tries + 1, "only the other one was started");

    fake.set_dies_at_start(bot, None);
    desk.tell(bot, BotCommand::Stop).await;
    desk.tell(bot, BotCommand::Start).await;
    desk.until_state(bot, BotState::Running).await;
    running.stop().await;
}

#[tokio::test]
async fn a_missing_image_is_pulled_with_progress_and_holds_up_nobody_else() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    fake.offer_image("clawplane/big:1", true);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let (slow, slower) =
        (desk.bot("slow", Some("clawplane/big:1")).await, desk.bot("slower", Some("clawplane/big:1")).await);
    desk.tell(slow, BotCommand::Start).await;
    desk.tell(slower, BotCommand::Start).await;
    for bot in [slow, slower] {
        let seen = desk.until(bot, "it is pulled", |seen| seen.reason.is_some()).await;
        desk.until(bot, "it is at 40 %", |seen| {
            seen.reason.as_deref() == Some("pulling clawplane/big:1: 40 %")
        })
        .await;
        assert_eq!(seen.state, BotState::Starting);
    }
    let quick = desk.started("quick").await;
    desk.until_state(quick, BotState::Running).await;
    fake.finish_pulls();
    desk.until_state(slow, BotState::Running).await;
    desk.until_state(slower, BotState::Running).await;
    assert_eq!(fake.calls().iter().filter(|call| call.starts_with("pull")).count(), 1, "one pull for both");
    running.stop().await;
}

#[tokio::test]
async fn a_stop_during_a_pull_is_not_kept_waiting() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::default();
    fake.offer_image("clawplane/big:1", true);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let bot = desk.bot("slow", Some("clawplane/big:1")).await;
    desk.tell(bot, BotCommand::Start).await;
    desk.until(bot, "it is pulled", |seen| seen.reason.is_some()).await;
    desk.tell(bot, BotCommand::Stop).await;
    desk.until_state(bot, BotState::Stopped).await;
    running.stop().await;
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_names_the_way_out_and_its_coming_is_enough() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::default();
    // Passes are far apart: that the image came is told by the engine.
    let config = DockerWorkerConfig { reconcile_every: Duration::from_hours(1), ..desk.config() };
    let running = desk.work(config, Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    let seen = desk
        .until(bot, "it is left alone", |seen| {
            seen.reason.as_deref().is_some_and(|text| text.contains("left alone"))
        })
        .await;
    assert_eq!(seen.state, BotState::Failed);
    let reason = seen.reason.unwrap();
    let expected = format!(
        "image {IMAGE} could not be pulled (no such host): run `make openclaw-image` and set \
         BOT_IMAGE=clawplane/openclaw:<version>"
    );
    assert!(reason.starts_with(&expected), "{reason}");
    fake.add_image(IMAGE);
    desk.until_state(bot, BotState::Running).await;
    running.stop().await;
}

#[tokio::test]
async fn health_that_goes_and_comes_back_is_told() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    desk.until_state(bot, BotState::Running).await;
    fake.set_sick(bot, true);
    let seen = desk.until_state(bot, BotState::Unhealthy).await;
    assert_eq!(seen.reason.as_deref(), Some("/healthz answers 503"));
    fake.set_sick(bot, false);
    desk.until_state(bot, BotState::Running).await;
    assert_eq!(starts(&fake), 1, "it is not restarted for that");
    running.stop().await;
}

#[tokio::test]
async fn a_bot_that_never_becomes_healthy_is_starting_for_its_time_and_then_unhealthy() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let config = DockerWorkerConfig { health_within: Duration::from_millis(300), ..desk.config() };
    let running = desk.work(config, Arc::new(fake.clone()));
    let bot = desk.bot("anna", None).await;
    fake.set_sick(bot, true);
    desk.tell(bot, BotCommand::Start).await;
    desk.until_state(bot, BotState::Unhealthy).await;
    assert_eq!(desk.states(bot).await, [BotState::Starting, BotState::Starting, BotState::Unhealthy]);
    running.stop().await;
}
