//! Versions of bots' configurations on their way to the bots, and what OpenClaw says of them.

use crate::{
    desk::{Desk, IMAGE, read, token_of},
    docker_image,
};
use clawplane_domain::{
    BotId,
    bot::{BotCommand, BotState, ConfigOrigin, SetConfig},
    openclaw::{ConfigText, TOKEN, checked, platform::Platform},
};
use clawplane_workers::{
    FakeRuntime, Host, RuntimeError,
    config_check::{self, Verdict},
    workspace::Workspaces,
};
use pretty_assertions::assert_eq;
use std::sync::Arc;

async fn save(desk: &Desk, bot: BotId, follows: u64, text: &str) {
    let known = desk.load(bot).await;
    let text = checked(text, Platform { port: known.port, models: &known.models }).unwrap();
    let new = SetConfig { text, follows, origin: ConfigOrigin::Saved };
    desk.tell(bot, BotCommand::SetConfig(Box::new(new))).await;
}

fn file(desk: &Desk, bot: BotId) -> String {
    read(&desk.state_dir(bot).join("openclaw.json"))
}

#[tokio::test]
async fn a_running_bot_gets_its_new_configuration_in_the_same_container_and_a_stopped_one_at_its_start() {
    let desk = Desk::new().await;
    let fake = FakeRuntime::with_images(&[IMAGE]);
    let config = desk.config();
    let running = desk.work(config.clone(), Arc::new(fake.clone()));
    let bot = desk.started("anna").await;
    desk.until_state(bot, BotState::Running).await;
    let calls = fake.calls();
    save(&desk, bot, 0, "{ // mine\n messages: { responsePrefix: 'hi' } }").await;
    desk.wait("its file has the first version", || async { file(&desk, bot).contains("// mine") }).await;
    let text = file(&desk, bot);
    assert!(text.contains(&token_of(bot)) && !text.contains(TOKEN) && !text.contains("<proxy>"), "{text}");
    assert_eq!(fake.calls(), calls, "its container was left alone");

    // While no worker runs the next one waits; a bot that stops meanwhile has it when it starts.
    running.stop().await;
    save(&desk, bot, 1, "{ // two\n }").await;
    let running = desk.work(config.clone(), Arc::new(fake.clone()));
    desk.wait("its file has the second version", || async { file(&desk, bot).contains("// two") }).await;
    desk.tell(bot, BotCommand::Stop).await;
    desk.until_state(bot, BotState::Stopped).await;
    save(&desk, bot, 2, "{ // three\n }").await;
    desk.tell(bot, BotCommand::Start).await;
    desk.until_state(bot, BotState::Running).await;
    assert!(file(&desk, bot).contains("// three"));
    running.stop().await;
}

/// The host with the real engine, and the folder that its bots are in.
async fn host() -> Option<(Host, tempfile::TempDir)> {
    let (runtime, _) = docker_image::engine(&format!("config-check-{}", std::process::id())).await?;
    let folder = tempfile::tempdir().unwrap();
    let workspaces = Workspaces::new(&folder.path().join("bots")).unwrap();
    Some((Host { runtime: Arc::new(runtime), workspaces }, folder))
}

fn config(people: &str) -> ConfigText {
    let model = clawplane_domain::bot::ModelChoice {
        vendor: "openai".parse().unwrap(),
        model: "gpt-4o-mini".parse().unwrap(),
    };
    checked(people, Platform { port: 9200, models: &[model] }).unwrap()
}

#[tokio::test]
async fn an_image_without_openclaw_cannot_be_asked() {
    let Some((host, _folder)) = host().await else { return };
    let bot = BotId(uuid::Uuid::from_u128(5));
    let verdict = config_check::check(&host, bot, &IMAGE.parse().unwrap(), config("{}").as_str()).await;
    assert!(matches!(verdict, Ok(Verdict::Unknown(_))), "{verdict:?}");
    let absent = "clawplane/there-is-no-such-image:1".parse().unwrap();
    let verdict = config_check::check(&host, bot, &absent, config("{}").as_str()).await;
    assert!(matches!(verdict, Ok(Verdict::Unknown(_))), "{verdict:?}");
    nothing_is_left();
}

#[tokio::test]
async fn real_openclaw_says_what_it_takes_and_names_what_it_does_not() {
    let Some((host, _folder)) = host().await else { return };
    let image = "clawplane/openclaw:2026.9.6".parse().unwrap();
    if !matches!(host.runtime.has_image(&image).await, Ok(true)) {
        eprintln!("SKIPPED: no OpenClaw image");
        return;
    }
    let bot = BotId(uuid::Uuid::from_u128(6));
    let ask = async |people: &str| loop {
        match config_check::check(&host, bot, &image, config(people).as_str()).await {
            // A machine that is busy with other tests takes longer than a person would wait.
            Err(RuntimeError::Other { .. } | RuntimeError::Conflict { .. }) => {}
            other => break other.unwrap(),
        }
    };
    let large = format!("{{ /* {} */ messages: {{ responsePrefix: 'hi', }}, }}", "long ".repeat(40_000));
    assert_eq!(ask(&large).await, Verdict::Valid);
    let Verdict::Invalid(issues) = ask("{ session: { idleMinutes: 'soon' }, nonsense: 1 }").await else {
        panic!("it takes anything");
    };
    assert!(issues.iter().any(|issue| issue.path.starts_with("session")), "{issues:?}");
    assert!(issues.iter().any(|issue| issue.message.contains("nonsense")), "{issues:?}");
    nothing_is_left();
}

/// Of the containers that configurations were checked in by this process.
fn nothing_is_left() {
    let label = format!("label=clawplane.instance=config-check-{}", std::process::id());
    let filters = ["ps", "-aq", "--filter", &label, "--filter", "status=exited"];
    let listed = std::process::Command::new("docker").args(filters).output().unwrap();
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), "");
}
