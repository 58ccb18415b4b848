//! Everything dies in turn while ten bots start and stop: afterwards what is wanted and what is there agree.

use clawplane_tests::{Client, Engine, Platform, docker, engine::SMALL_BOT_IMAGE, wait};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeMap, process::Command};

const BOTS: usize = 10;
const ROUNDS: usize = 9;

/// What is killed in a round.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Engine,
    Platform,
    Container,
}

#[tokio::test]
async fn engine_worker_and_containers_are_killed_and_wanted_and_seen_agree_afterwards() {
    if !docker::available("the chaos test") {
        return;
    }
    let mut engine = Engine::start().await;
    engine.add_small_bot();
    let env = [("DOCKER_HOST", engine.host()), ("BOT_IMAGE", SMALL_BOT_IMAGE.to_owned())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut platform = Platform::start_with(&[], &env, &[]).await;
    let admin = platform.admin().await;
    let names: Vec<String> = (0..BOTS).map(|n| format!("bot-{n}")).collect();
    for name in &names {
        admin.add_bot(name).await;
    }
    let mut wanted: BTreeMap<String, bool> = names.iter().map(|name| (name.clone(), false)).collect();
    for round in 0..ROUNDS {
        let victim = [Victim::Engine, Victim::Platform, Victim::Container][round % 3];
        // All are told something, some what they do already, and nobody waits for them.
        let tell = wanted.iter_mut().enumerate().map(|(n, (name, runs))| {
            *runs = !(n * 7 + round * 3).is_multiple_of(4);
            told(&admin, name, *runs)
        });
        futures::future::join_all(tell).await;
        match victim {
            Victim::Engine => {
                engine.kill();
                engine.launch().await;
            }
            Victim::Platform => {
                platform.kill();
                platform.launch().await;
            }
            Victim::Container => kill_one(&engine).await,
        }
    }
    // A bot whose process was killed has to come back by itself; one that gave up meanwhile is started once more.
    for (name, runs) in &wanted {
        if *runs {
            told(&admin, name, true).await;
        }
    }
    for (name, runs) in &wanted {
        let state = if *runs { "running" } else { "stopped" };
        let path = format!("/api/bot/{name}");
        wait::until(&format!("{name} to be {state}"), 120, || async {
            let bot = admin.get(&path).await;
            let is = bot["state"].as_str().unwrap_or_default();
            // One that was never wanted long enough to have a container is as new.
            if is == state || (!runs && is == "created") { Ok(()) } else { Err(bot) }
        })
        .await;
    }
    agree(&engine, &admin, &wanted).await;
}

/// Starts or stops a bot. What it is already is not an error.
async fn told(admin: &Client, name: &str, runs: bool) {
    let verb = if runs { "start" } else { "stop" };
    let (status, body) = admin.send(Method::POST, &format!("/api/bot/{name}/{verb}"), Some(&json!({}))).await;
    assert!(status.is_success() || status == 503, "{verb} {name}: {status} {body}");
}

/// `kill -9` of the first process of a container that runs.
async fn kill_one(engine: &Engine) {
    let id = wait::until("a container that runs", 60, || async {
        let ids = engine.output(&["ps", "-q", "--filter", "label=clawplane.bot"]);
        ids.lines().next().map(str::to_owned).ok_or("none")
    })
    .await;
    let pid = engine.docker(&["inspect", "-f", "{{.State.Pid}}", &id]);
    let pid = String::from_utf8_lossy(&pid.stdout).trim().to_owned();
    // It may have ended by itself meanwhile.
    if !pid.is_empty() && pid != "0" {
        let _ = Command::new("kill").args(["-9", &pid]).status();
    }
}

/// Exactly the wanted containers run, one a bot, and the API names them.
async fn agree(engine: &Engine, admin: &Client, wanted: &BTreeMap<String, bool>) {
    let format = "{{.ID}} {{.Label \"clawplane.bot\"}} {{.State}}";
    let listed =
        engine.output(&["ps", "-a", "--no-trunc", "--filter", "label=clawplane.bot", "--format", format]);
    let mut containers = BTreeMap::<&str, Vec<(&str, &str)>>::new();
    for line in listed.lines() {
        let parts: Vec<&str> = line.split(' ').collect();
        containers.entry(parts[1]).or_default().push((parts[0], parts[2]));
    }
    let bots: Vec<Value> = admin.get("/api/bot?limit=200").await["items"].as_array().cloned().expect("bots");
    assert_eq!(bots.len(), BOTS);
    for bot in &bots {
        let (name, id) = (bot["hostname"].as_str().expect("a name"), bot["id"].as_str().expect("an id"));
        let its = containers.remove(id).unwrap_or_default();
        assert!(its.len() <= 1, "{name} has {its:?}");
        let runs = its.first().is_some_and(|(_, state)| *state == "running");
        assert_eq!(runs, wanted[name], "{name}: {its:?} {bot}");
        if runs {
            assert_eq!(bot["containerId"].as_str(), Some(its[0].0), "{name}");
        }
    }
    assert!(containers.is_empty(), "nobody's: {containers:?}");
    let networks = engine.output(&["network", "ls", "-q", "--filter", "label=clawplane.bot"]);
    assert!(networks.lines().count() <= BOTS, "{networks}");
}
