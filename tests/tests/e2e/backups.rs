//! Backups with the real binary: what a killed platform leaves, and a conversation that real OpenClaw goes on with.

use clawplane_tests::{Client, FakeVendor, Platform, docker, wait};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

async fn backup_in(admin: &Client, id: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    wait::until_quick(what, 120, || async {
        let now = admin.get(&format!("/api/backups/{id}")).await;
        if is_so(&now) { Ok(now) } else { Err(now) }
    })
    .await
}

async fn requested(admin: &Client, hostname: &str) -> String {
    let answer = admin.post("/api/backups", &json!({"hostname": hostname})).await;
    answer["items"][0]["id"].as_str().expect("an id").to_owned()
}

/// Every file below a folder with its digest.
fn content(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(content(&path));
        } else {
            found.insert(path.clone(), hex::encode(Sha256::digest(fs::read(&path).unwrap_or_default())));
        }
    }
    found
}

/// Noise that does not shrink.
fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..bytes).map(|_| next()).collect()
}

#[tokio::test]
async fn a_platform_that_is_killed_in_the_middle_leaves_the_old_or_the_new_and_nothing_half() {
    if !docker::available("the test of killed backups") {
        return;
    }
    let mut platform = Platform::start(&[]).await;
    let admin = platform.admin().await;
    admin.add_bot("scout").await;
    let bot = admin.get("/api/bot/scout").await["id"].as_str().expect("an id").to_owned();
    let state = platform.data_dir().join("bots").join(&bot);
    fs::create_dir_all(state.join("memory")).expect("a folder");
    for number in 0..12 {
        fs::write(state.join(format!("memory/{number}")), noise(2_000_000, number)).expect("a file");
    }
    let first = content(&state);
    let backups = platform.data_dir().join("backups");

    // In the middle of a backup: nothing of it is left, and it says so.
    let id = requested(&admin, "scout").await;
    backup_in(&admin, &id, "the backup to be under way", |now| now["state"] == "running").await;
    platform.kill();
    platform.launch().await;
    let admin = platform.admin().await;
    let broken = backup_in(&admin, &id, "its end to be known", |now| now["state"] != "running").await;
    assert_eq!(broken["state"], "failed", "{broken}");
    assert_eq!(content(&backups), BTreeMap::new(), "no part of it");

    let id = requested(&admin, "scout").await;
    let over = |now: &Value| now["state"] != "requested" && now["state"] != "running";
    let made = backup_in(&admin, &id, "the backup to be over", over).await;
    assert_eq!((&made["state"], &made["sums"]["bytes"]), (&json!("completed"), &json!(24_000_000)), "{made}");

    // In the middle of a restore: the bot has what it had.
    fs::remove_file(state.join("memory/3")).expect("it was there");
    fs::write(state.join("later"), "later").expect("a file");
    let second = content(&state);
    let path = format!("/api/backups/{id}/restore");
    admin.post(&path, &json!({})).await;
    backup_in(&admin, &id, "the restore to be under way", |now| now["restore"]["state"] == "running").await;
    platform.kill();
    platform.launch().await;
    let admin = platform.admin().await;
    let ended = |now: &Value| matches!(now["restore"]["state"].as_str(), Some("failed" | "completed"));
    let now = backup_in(&admin, &id, "the end of the restore to be known", ended).await;
    let expected = if now["restore"]["state"] == "completed" { &first } else { &second };
    assert_eq!(&content(&state), expected, "{now}");

    // And it can be done again.
    if expected == &second {
        admin.post(&path, &json!({})).await;
        let done = |now: &Value| now["restore"]["state"] == "completed";
        backup_in(&admin, &id, "the restore to be complete", done).await;
    }
    wait::until("the bot to have what the backup has", 20, || async {
        let now = content(&state);
        if now == first { Ok(()) } else { Err(now.into_keys().collect::<Vec<_>>()) }
    })
    .await;
    let bots = fs::read_dir(platform.data_dir().join("bots")).expect("a folder");
    let names = bots.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    // The platform's own marks are there in any case.
    let names: Vec<_> =
        names.filter(|name| !matches!(name.as_str(), ".clawplane-hosts" | ".configs")).collect();
    assert_eq!(names, [bot.as_str()], "nothing is left beside it");
}

/// Asks over the bot's own gateway, as one user whose conversation goes on.
async fn ask(admin: &Client, hostname: &str, token: &str, text: &str) {
    let bot = admin.get(&format!("/api/bot/{hostname}")).await;
    let url = format!("http://127.0.0.1:{}/v1/chat/completions", bot["port"]);
    let body = json!({"model": "openclaw", "user": "ada", "messages": [{"role": "user", "content": text}]});
    wait::until("the gateway to answer", 120, || async {
        let request = reqwest::Client::new().post(&url).bearer_auth(token).json(&body);
        let answer =
            request.timeout(Duration::from_mins(2)).send().await.map_err(|error| error.to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
    })
    .await;
}

#[tokio::test]
async fn a_conversation_of_real_openclaw_goes_on_in_another_bot() {
    if !docker::available("the backup of OpenClaw") {
        return;
    }
    let Some(image) = docker::openclaw_image() else {
        eprintln!("SKIPPED: the backup of OpenClaw: no image (`make openclaw-image` makes one)");
        return;
    };
    let vendor = FakeVendor::start().await;
    let platform = Platform::start_with(&[vendor.addr.to_string()], &[("BOT_IMAGE", &image)], &[]).await;
    let admin = platform.admin().await;
    admin.add_key("openai", "sk-backup-test", &format!("{}/v1", vendor.url())).await;
    let token = admin.add_bot("scout").await;
    admin.post("/api/bot/scout/start", &json!({})).await;
    admin.bot_in_state("scout", "running", 240).await;
    ask(&admin, "scout", &token, "My parrot is called Figaro.").await;

    let id = requested(&admin, "scout").await;
    let made = backup_in(&admin, &id, "the backup to be over", |now| now["sums"].is_object()).await;
    assert!(made["sums"]["entries"].as_u64() > Some(5), "{made}");
    let after = admin.bot_in_state("scout", "running", 30).await;
    let scout = after["id"].as_str().expect("an id").to_owned();
    assert_eq!(after["restarts"], json!(0), "it was paused, not restarted: {after}");
    admin.send(Method::DELETE, "/api/bot/scout", None).await;

    let body = json!({"newBot": {"hostname": "heir"}, "start": true});
    let answer = admin.post(&format!("/api/backups/{id}/restore"), &body).await;
    let token = answer["bot"]["gatewayToken"].as_str().expect("a token").to_owned();
    let done = |now: &Value| matches!(now["restore"]["state"].as_str(), Some("failed" | "completed"));
    let restored = backup_in(&admin, &id, "the restore to be over", done).await;
    assert_eq!(restored["restore"]["state"], "completed", "{restored}");
    let heir = admin.bot_in_state("heir", "running", 240).await["id"].as_str().expect("an id").to_owned();
    let before = vendor.seen().len();
    ask(&admin, "heir", &token, "What is my parrot called?").await;
    let asked: String = vendor.seen()[before..].iter().map(|seen| seen.body.to_string()).collect();
    assert!(asked.contains("What is my parrot called?"), "{asked}");
    assert!(asked.contains("My parrot is called Figaro."), "the conversation is gone: {asked}");
    admin.send(Method::DELETE, "/api/bot/heir", None).await;
    for bot in [scout, heir] {
        let label = format!("label=clawplane.bot={bot}");
        wait::until("its container to be gone", 60, || async {
            let left = docker::output(&["ps", "-aq", "--filter", &label]);
            if left.trim().is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
    }
}
