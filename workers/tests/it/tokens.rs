//! Gateway tokens of running bots: rotated, revoked, renewed.

use crate::{
    desk::{Desk, IMAGE, read, token_of},
    support::{FixedClock, metadata},
};
use clawplane_domain::{
    BotId,
    bot::{BotCommand, BotEvent, BotState, Replaces, token::USUAL_GRACE},
    clock::Clock,
};
use clawplane_eventstore::{Context, Feed, Filter, Position, TokenIssuer, Wanted};
use clawplane_workers::{FakeRuntime, TokenRenewal};
use pretty_assertions::assert_eq;
use std::{sync::Arc, time::Duration};
use tokio::net::TcpStream;

async fn rotate(desk: &Desk, bot: BotId) -> String {
    let issuer = TokenIssuer::new(desk.executor.clone(), desk.vault.clone(), None);
    let wanted = Wanted { bot, tenant: desk.tenant, replaces: Replaces::Present, grace: USUAL_GRACE };
    let rotated = issuer.rotate(wanted, Context::from(metadata(desk.tenant))).await;
    rotated.unwrap().0.expose().to_owned()
}

fn file(desk: &Desk, bot: BotId) -> String {
    read(&desk.state_dir(bot).join("openclaw.json"))
}

async fn until_it_has(desk: &Desk, bot: BotId, token: &str) {
    desk.wait("its file has the new token", || async { file(desk, bot).contains(token) }).await;
}

#[tokio::test]
async fn a_running_bot_gets_its_new_token_without_a_restart_and_keeps_what_people_wrote() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let config = desk.config();
    let running = desk.work(config.clone(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    desk.until_state(bot, BotState::Running).await;
    let edited = format!("// by hand\n{}", file(&desk, bot));
    std::fs::write(desk.state_dir(bot).join("openclaw.json"), &edited).unwrap();
    let calls = fake.calls();
    let token = rotate(&desk, bot).await;
    until_it_has(&desk, bot, &token).await;
    assert_eq!(file(&desk, bot), edited.replace(&token_of(bot), &token));
    // While no worker runs the next one waits; it also reaches a bot that was stopped meanwhile.
    running.stop().await;
    let second = rotate(&desk, bot).await;
    let running = desk.work(config, Arc::new(fake.clone()));
    until_it_has(&desk, bot, &second).await;
    assert_eq!(fake.calls(), calls, "its container was left alone");
    desk.tell(bot, BotCommand::Stop).await;
    desk.until_state(bot, BotState::Stopped).await;
    let third = rotate(&desk, bot).await;
    desk.tell(bot, BotCommand::Start).await;
    desk.until_state(bot, BotState::Running).await;
    assert_eq!(file(&desk, bot), edited.replace(&token_of(bot), &third));
    running.stop().await;
}

#[tokio::test]
async fn a_process_that_does_not_take_the_token_is_restarted_once() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    let first = desk.until_state(bot, BotState::Running).await;
    fake.set_stubborn(bot);
    let token = rotate(&desk, bot).await;
    until_it_has(&desk, bot, &token).await;
    let starts = || fake.calls().iter().filter(|call| call.starts_with("start")).count();
    desk.wait("it is restarted", || async { starts() == 2 }).await;
    let again = desk.until_state(bot, BotState::Running).await;
    assert_eq!((again.container_id, again.restarts), (first.container_id, 0));
    running.stop().await;
}

#[tokio::test]
async fn a_revoked_bot_runs_behind_a_closed_port_until_it_has_a_token() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let running = desk.work(desk.config(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    desk.until_state(bot, BotState::Running).await;
    let port = desk.load(bot).await.port;
    let open = || async { TcpStream::connect(("127.0.0.1", port)).await.is_ok() };
    assert!(open().await);
    let calls = fake.calls();
    desk.tell(bot, BotCommand::RevokeTokens).await;
    let told = |seen: &clawplane_domain::bot::Observation| {
        seen.state == BotState::Running && seen.reason.as_ref().is_some_and(|why| why.contains("revoked"))
    };
    desk.until(bot, "it says that it is revoked", told).await;
    assert!(!open().await, "its process still knows the token, and must not be reached");
    let token = rotate(&desk, bot).await;
    until_it_has(&desk, bot, &token).await;
    desk.wait("its port is open", open).await;
    desk.until(bot, "it is as before", |seen| seen.reason.is_none()).await;
    assert_eq!(fake.calls(), calls, "its container was left alone");
    running.stop().await;
}

async fn rotations(desk: &Desk) -> Vec<(BotId, BotEvent)> {
    let feed = Feed::new(desk.database.pool.clone());
    let batch = feed.read(Position::START, Filter::Types(&["bot"]), 1000).await.unwrap();
    let rotated = batch.events.iter().filter(|event| event.event_type == "bot.token_rotated");
    rotated.map(|event| (event.aggregate_id.parse().unwrap(), event.decode().unwrap())).collect()
}

#[tokio::test]
async fn of_many_processes_one_renews_a_due_token_of_a_running_bot() {
    let desk = Desk::new().await;
    let clock = FixedClock::default();
    let issuer = TokenIssuer::new(desk.executor.clone(), desk.vault.clone(), Some(Duration::from_secs(90)));
    let process =
        || TokenRenewal { issuer: issuer.clone(), bots: desk.bots.clone(), clock: Arc::new(clock.clone()) };
    let all = |count: usize| futures::future::join_all((0..count).map(|_| async { process().pass().await }));
    let (runs, rests) = (desk.started("anna").await, desk.bot("bert", None).await);
    // Its first token has no end, from before there were ends: it gets one.
    assert_eq!(all(4).await.iter().sum::<usize>(), 1);
    assert_eq!(all(4).await.iter().sum::<usize>(), 0);
    clock.advance(Duration::from_secs(59));
    assert_eq!(process().pass().await, 0);
    clock.advance(Duration::from_secs(1));
    assert_eq!(all(8).await.iter().sum::<usize>(), 1);
    let done = rotations(&desk).await;
    assert_eq!(done.iter().map(|(bot, _)| *bot).collect::<Vec<_>>(), [runs, runs]);
    let BotEvent::TokenRotated { token, earlier } = &done[1].1 else { panic!("{done:?}") };
    assert_eq!(token.expires_at, Some(clock.now() + Duration::from_secs(90)));
    // Good to its own end, 30 s from now, and not for the whole grace time.
    assert_eq!(earlier[0].valid_until, clock.now() + Duration::from_secs(30));
    // A platform that was away for long renews at once; revoked is revoked.
    clock.advance(Duration::from_hours(1));
    assert_eq!(all(2).await.iter().sum::<usize>(), 1);
    desk.tell(runs, BotCommand::RevokeTokens).await;
    clock.advance(Duration::from_hours(1));
    assert_eq!(process().pass().await, 0);
    assert!(rotations(&desk).await.iter().all(|(bot, _)| *bot != rests));
}
