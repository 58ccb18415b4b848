//! The main job on real parts: real OpenClaw in a real container, a proxied call, usage, audit, a restart.

use clawplane_tests::{
    Client, FakeVendor, Platform, docker,
    vendor::{ANSWER, CACHED, INPUT, OUTPUT, REASONING},
};
use serde_json::{Value, json};
use std::{
    fs::{self, FileType},
    io::ErrorKind,
    path::Path,
    time::Duration,
};

const SECRET: &str = "sk-openclaw-vendor-secret-31337";

#[tokio::test]
async fn a_real_bot_talks_to_a_vendor_through_the_proxy_and_is_metered() {
    if !docker::available("the OpenClaw test") {
        return;
    }
    let Some(image) = docker::openclaw_image() else {
        eprintln!("SKIPPED: the OpenClaw test: no image (`make openclaw-image` makes one)");
        return;
    };
    let vendor = FakeVendor::start().await;
    let mut platform = Platform::start_with(&[vendor.addr.to_string()], &[("BOT_IMAGE", &image)], &[]).await;
    let admin = platform.admin().await;
    admin.add_key("openai", SECRET, &format!("{}/v1", vendor.url())).await;
    let token = admin.add_bot("scout").await;

    admin.post("/api/bot/scout/start", &json!({})).await;
    let bot = admin.bot_in_state("scout", "running", 180).await;
    ask(&bot, &token).await;
    let first = agreed(&admin, &vendor).await;
    no_vendor_key_in_the_container(&platform, &bot);

    // Stop and start: the same bot, and it answers again.
    admin.post("/api/bot/scout/stop", &json!({})).await;
    admin.bot_in_state("scout", "stopped", 60).await;
    admin.post("/api/bot/scout/start", &json!({})).await;
    let bot = admin.bot_in_state("scout", "running", 180).await;
    ask(&bot, &token).await;
    let second = agreed(&admin, &vendor).await;
    assert!(second > first);

    // A restart of the platform: the container goes on, and everything still agrees.
    assert!(platform.stop() < Duration::from_secs(10));
    platform.launch().await;
    let admin = platform.admin().await;
    let after = admin.bot_in_state("scout", "running", 30).await;
    assert_eq!(after["containerId"], bot["containerId"], "it was not restarted for that");
    assert_eq!(agreed(&admin, &vendor).await, second);
    ask(&after, &token).await;
    agreed(&admin, &vendor).await;

    let (status, _) = admin.send(reqwest::Method::DELETE, "/api/bot/scout", None).await;
    assert!(status.is_success());
    let label = format!("label=clawplane.bot={}", bot["id"].as_str().expect("an id"));
    clawplane_tests::wait::until("its container to be gone", 60, || async {
        let left = docker::output(&["ps", "-aq", "--filter", &label]);
        if left.trim().is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}

/// Over the bot's own gateway, as its people do. Its port is opened by the worker's first look after a start.
async fn ask(bot: &Value, token: &str) {
    let url = format!("http://127.0.0.1:{}/v1/chat/completions", bot["port"]);
    let body = json!({"model": "openclaw", "messages": [{"role": "user", "content": "Say pong."}]});
    let answer = clawplane_tests::wait::until("the gateway to take the question", 10, || async {
        let request = reqwest::Client::new().post(&url).bearer_auth(token).json(&body);
        match request.timeout(Duration::from_mins(2)).send().await {
            Err(error) if error.is_connect() => Err(error),
            sent => Ok(sent.expect("an answer")),
        }
    })
    .await;
    let answer: Value = answer.json().await.expect("JSON");
    let content = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default();
    assert!(content.contains(ANSWER), "{answer}");
}

/// Usage log, rollups and audit say exactly what the vendor served. Gives the number of requests.
async fn agreed(admin: &Client, vendor: &FakeVendor) -> usize {
    let served = vendor.seen().len();
    let rows = admin.usage("scout", served).await;
    assert_eq!(rows.len(), served);
    for row in &rows {
        let counts = ["inputTokens", "cachedInputTokens", "outputTokens", "reasoningTokens"];
        let counted: Vec<u64> = counts.iter().filter_map(|name| row[name].as_u64()).collect();
        assert_eq!(counted, [INPUT, CACHED, OUTPUT, REASONING], "{row}");
        assert_eq!(row["estimated"], json!(false), "{row}");
    }
    let stats = admin.stats("scout", served).await;
    assert_eq!(stats["inputTokens"], json!(INPUT * served as u64), "{stats}");
    assert_eq!(stats["outputTokens"], json!(OUTPUT * served as u64), "{stats}");
    assert_eq!(admin.audited_usage(served).await.len(), served);
    served
}

fn no_vendor_key_in_the_container(platform: &Platform, bot: &Value) {
    let container = bot["containerId"].as_str().expect("a container");
    let inspected = docker::output(&["inspect", container]);
    assert!(!inspected.contains(SECRET), "in the container's environment or mounts");
    let root = docker::output(&["exec", container, "env"]);
    assert!(!root.contains(SECRET), "in the environment of its processes");
    let found =
        docker::docker(&["exec", container, "grep", "-rlF", SECRET, "/home/node", "/tmp"]).expect("docker");
    assert!(found.stdout.is_empty(), "in its files: {}", String::from_utf8_lossy(&found.stdout));
    let bots = platform.data_dir().join("bots");
    let config = format!("{}/openclaw.json", bot["id"].as_str().expect("an id"));
    assert!(bots.join(config).exists(), "its files are where they are searched");
    search(&bots);
}

/// The bot is at work meanwhile: what goes away while it is read is not an error.
fn search(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type());
        if kind.as_ref().is_ok_and(FileType::is_dir) {
            search(&path);
        } else if kind.is_ok_and(|kind| kind.is_file()) {
            let Some(bytes) = read_if_there(&path) else { continue };
            let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!found, "the vendor's key is in {}", path.display());
        }
    }
}

fn read_if_there(path: &Path) -> Option<Vec<u8>> {
    match fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("{} cannot be read: {error}", path.display()),
    }
}
