//! The worker against the fake engine: upgrades that end well, and those that do not.

use crate::desk::{Desk, IMAGE, read};
use clawplane_domain::{
    BotId,
    bot::{BotCommand, BotState, UpgradeOutcome},
};
use clawplane_workers::{DockerWorkerConfig, FakeRuntime};
use pretty_assertions::assert_eq;
use std::{sync::Arc, time::Duration};

const NEW: &str = "clawplane/test-bot:2";

fn upgrade() -> BotCommand {
    BotCommand::Upgrade(Some(NEW.parse().unwrap()))
}

async fn outcome(desk: &Desk, bot: BotId) -> UpgradeOutcome {
    desk.load(bot).await.life.upgrade.expect("it was upgraded").outcome
}

async fn settled(desk: &Desk, bot: BotId) -> UpgradeOutcome {
    desk.wait("the upgrade is settled", || async { outcome(desk, bot).await != UpgradeOutcome::Pending })
        .await;
    outcome(desk, bot).await
}

async fn runs_with(desk: &Desk, fake: &FakeRuntime, bot: BotId, image: &str) {
    desk.wait(&format!("it runs with {image}"), || async {
        let runs = desk.load(bot).await.observed.state == BotState::Running;
        runs && fake.container(bot).is_some_and(|container| container.spec.image.as_str() == image)
    })
    .await;
}

fn reason(outcome: UpgradeOutcome) -> String {
    let UpgradeOutcome::RolledBack { reason } = outcome else { panic!("it is {outcome:?}") };
    reason
}

#[tokio::test]
async fn a_healthy_image_becomes_the_bots() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE, NEW]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    runs_with(&desk, &fake, bot, IMAGE).await;
    let memory = desk.state_dir(bot).join("workspace/MEMORY.md");
    std::fs::write(&memory, "much").unwrap();
    desk.tell(bot, upgrade()).await;
    assert_eq!(settled(&desk, bot).await, UpgradeOutcome::Committed);
    runs_with(&desk, &fake, bot, NEW).await;
    assert_eq!(desk.load(bot).await.image, Some(NEW.parse().unwrap()));
    assert_eq!(read(&memory), "much");
    let creates = fake.calls().iter().filter(|call| call.starts_with("create")).count();
    assert_eq!(creates, 2, "{:?}", fake.calls());
    running.stop().await;
}

#[tokio::test]
async fn an_image_that_ends_is_rolled_back_with_its_reason() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE, NEW]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    runs_with(&desk, &fake, bot, IMAGE).await;
    fake.set_image_dies(NEW, Some(7));
    fake.set_log("no such module\n");
    desk.tell(bot, upgrade()).await;
    let reason = reason(settled(&desk, bot).await);
    assert_eq!(reason, "it ended with exit code 7; its last lines:\nno such module");
    runs_with(&desk, &fake, bot, IMAGE).await;
    assert_eq!(desk.load(bot).await.image, None);
    assert!(!desk.states(bot).await.contains(&BotState::Failed), "the bot itself did not fail");
    running.stop().await;
}

#[tokio::test]
async fn an_image_that_never_is_healthy_is_rolled_back() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE, NEW]);
    let config = DockerWorkerConfig { health_within: Duration::from_millis(400), ..desk.config() };
    let running = desk.work(config, Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    runs_with(&desk, &fake, bot, IMAGE).await;
    fake.set_image_sick(NEW);
    desk.tell(bot, upgrade()).await;
    let reason = reason(settled(&desk, bot).await);
    assert!(reason.starts_with("it was not healthy within"), "{reason}");
    assert!(reason.ends_with("/healthz answers 503"), "{reason}");
    runs_with(&desk, &fake, bot, IMAGE).await;
    running.stop().await;
}

#[tokio::test]
async fn an_image_that_cannot_be_had_interrupts_nothing() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    runs_with(&desk, &fake, bot, IMAGE).await;
    desk.tell(bot, upgrade()).await;
    let reason = reason(settled(&desk, bot).await);
    assert!(reason.starts_with(&format!("image {NEW} could not be pulled (no such host)")), "{reason}");
    desk.until_state(bot, BotState::Running).await;
    assert_eq!(fake.container(bot).unwrap().seen.id, "fake-1", "it was never stopped");
    running.stop().await;
}

#[tokio::test]
async fn an_image_is_pulled_while_the_bot_runs_on() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    fake.offer_image(NEW, true);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    runs_with(&desk, &fake, bot, IMAGE).await;
    desk.tell(bot, upgrade()).await;
    desk.wait("it is pulled", || async { fake.calls().contains(&format!("pull {NEW}")) }).await;
    assert_eq!(fake.container(bot).unwrap().seen.id, "fake-1");
    // Called off meanwhile.
    desk.tell(bot, BotCommand::Upgrade(None)).await;
    assert_eq!(reason(settled(&desk, bot).await), "it was called off");
    fake.finish_pulls();
    desk.tell(bot, upgrade()).await;
    assert_eq!(settled(&desk, bot).await, UpgradeOutcome::Committed);
    runs_with(&desk, &fake, bot, NEW).await;
    running.stop().await;
}

#[tokio::test]
async fn a_stopped_bot_is_tried_with_its_next_start() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE, NEW]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let bot = desk.bot("anna", None).await;
    desk.tell(bot, upgrade()).await;
    let other = desk.started("other").await;
    desk.until_state(other, BotState::Running).await;
    assert_eq!(outcome(&desk, bot).await, UpgradeOutcome::Pending);
    desk.tell(bot, BotCommand::Start).await;
    assert_eq!(settled(&desk, bot).await, UpgradeOutcome::Committed);
    runs_with(&desk, &fake, bot, NEW).await;
    running.stop().await;
}

/// The worker ends after each single change that it makes at the engine, and another one goes on from there.
#[tokio::test]
async fn a_worker_that_ends_between_any_two_steps_leaves_one_of_the_two_images() {
    for dies in [None, Some(7)] {
        // Stop, remove, create, start; and again where it goes back.
        for steps in 0..=if dies.is_some() { 8 } else { 4 } {
            let desk = Desk::new().await;
            let fake = FakeRuntime::with_images(&[IMAGE, NEW]);
            let config = desk.config();
            let running = desk.work(config.clone(), Arc::new(fake.clone()));
            let bot = desk.started("anna").await;
            runs_with(&desk, &fake, bot, IMAGE).await;
            fake.set_image_dies(NEW, dies);
            let before = fake.calls().len();
            fake.fail_after(Some(before + steps));
            desk.tell(bot, upgrade()).await;
            desk.wait("it is cut off, or done", || async {
                fake.was_cut_off() || outcome(&desk, bot).await != UpgradeOutcome::Pending
            })
            .await;
            running.stop().await;
            fake.fail_after(None);
            let running = desk.work(config, Arc::new(fake.clone()));
            let image = match settled(&desk, bot).await {
                UpgradeOutcome::Committed => NEW,
                _ => IMAGE,
            };
            assert_eq!(image == IMAGE, dies.is_some(), "after {steps} steps");
            runs_with(&desk, &fake, bot, image).await;
            running.stop().await;
        }
    }
}
