//! Gateway tokens on real parts: rotated while a bot answers, revoked, and renewed by the platform before they end.

use clawplane_tests::{Client, FakeVendor, Platform, docker, wait};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What the proxy says to a token: its status, and the code of its refusal.
async fn proxy(platform: &Platform, token: &str, model: &str) -> (u16, String) {
    let url = format!("{}/api/v1/openai/chat/completions", platform.url);
    let body = json!({"model": model, "messages": [{"role": "user", "content": "ping"}]});
    let answer = reqwest::Client::new().post(&url).bearer_auth(token).json(&body).send().await;
    let answer = answer.expect("an answer");
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap_or_default();
    (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

/// Until the proxy says so, which must be within a second.
async fn within_a_second(platform: &Platform, token: &str, model: &str, expected: u16) {
    let began = Instant::now();
    wait::until("the change to count", 10, || async {
        let said = proxy(platform, token, model).await;
        if said.0 == expected { Ok(()) } else { Err(said) }
    })
    .await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(1), "it took {took:?}");
}

async fn rotate(admin: &Client, grace: u64) -> String {
    let new = admin.post("/api/bot/scout/token/rotate", &json!({"graceSeconds": grace})).await;
    new["gatewayToken"].as_str().expect("a token").to_owned()
}

const MODEL: &str = "gpt-4o-mini";

#[tokio::test]
async fn tokens_and_bounds_change_within_a_second() {
    let vendor = FakeVendor::start().await;
    let platform = Platform::start(&[vendor.addr.to_string()]).await;
    let admin = platform.admin().await;
    admin.add_key("openai", "sk-zero-trust", &format!("{}/v1", vendor.url())).await;
    let first = admin.add_bot("scout").await;
    within_a_second(&platform, &first, MODEL, 200).await;

    let second = rotate(&admin, 600).await;
    within_a_second(&platform, &second, MODEL, 200).await;
    assert_eq!(proxy(&platform, &first, MODEL).await.0, 200, "in its grace time");
    let third = rotate(&admin, 0).await;
    within_a_second(&platform, &first, MODEL, 401).await;
    assert_eq!(proxy(&platform, &second, MODEL).await.0, 401, "without a grace time all others are void");
    assert_eq!(proxy(&platform, &third, MODEL).await.0, 200);

    let put = async |body: Value| {
        let (status, answer) = admin.send(reqwest::Method::PUT, "/api/bot/scout/access", Some(&body)).await;
        assert!(status.is_success(), "{answer}");
    };
    put(json!({"allowedModels": ["gpt-5*"]})).await;
    within_a_second(&platform, &third, MODEL, 403).await;
    assert_eq!(proxy(&platform, &third, MODEL).await.1, "model_not_allowed");
    assert_eq!(proxy(&platform, &third, "gpt-5-mini").await.0, 200);
    put(json!({"allowedVendors": ["anthropic"]})).await;
    wait::until("the vendor to be refused", 10, || async {
        let said = proxy(&platform, &third, MODEL).await;
        if said.1 == "vendor_not_allowed" { Ok(()) } else { Err(said) }
    })
    .await;
    put(json!({})).await;
    within_a_second(&platform, &third, MODEL, 200).await;
    admin.send(reqwest::Method::POST, "/api/bot/scout/token/revoke", None).await;
    within_a_second(&platform, &third, MODEL, 401).await;
}

/// `PROXY_TOKEN_TTL` of 60 s: at 40 s the platform renews, and the bot goes on with the same container.
#[tokio::test]
async fn a_real_bot_is_renewed_before_its_token_ends() {
    if !docker::available("the token renewal test") {
        return;
    }
    let Some(image) = docker::openclaw_image() else {
        eprintln!("SKIPPED: the token renewal test: no image (`make openclaw-image` makes one)");
        return;
    };
    let vendor = FakeVendor::start().await;
    let env = [("BOT_IMAGE", image.as_str()), ("PROXY_TOKEN_TTL", "60")];
    let platform = Platform::start_with(&[vendor.addr.to_string()], &env, &[]).await;
    let admin = platform.admin().await;
    admin.add_key("openai", "sk-zero-trust", &format!("{}/v1", vendor.url())).await;
    let first = admin.add_bot("scout").await;
    admin.post("/api/bot/scout/start", &json!({})).await;
    let bot = admin.bot_in_state("scout", "running", 180).await;
    let file =
        platform.data_dir().join("bots").join(bot["id"].as_str().expect("an id")).join("openclaw.json");
    wait::until("its configuration to have a new token", 90, || async {
        let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
        if text.contains(&first) { Err("the first one".to_owned()) } else { Ok(()) }
    })
    .await;
    wait::until("the first token to end", 90, || async {
        let said = proxy(&platform, &first, MODEL).await;
        if said.0 == 401 { Ok(()) } else { Err(said) }
    })
    .await;
    // With what its file says now the bot lets people in, and it asks the vendor through the proxy.
    let config: Value =
        serde_json::from_str(&std::fs::read_to_string(&file).expect("its file")).expect("JSON");
    let token = config["gateway"]["auth"]["token"].as_str().expect("a token").to_owned();
    let url = format!("http://127.0.0.1:{}/v1/chat/completions", bot["port"]);
    let ask = json!({"model": "openclaw", "messages": [{"role": "user", "content": "Say pong."}]});
    wait::until("the bot to answer with its new token", 120, || async {
        let sent = reqwest::Client::new().post(&url).bearer_auth(&token).json(&ask);
        let answer = sent.timeout(Duration::from_mins(1)).send().await.map_err(|error| error.to_string())?;
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if text.contains(clawplane_tests::vendor::ANSWER) { Ok(()) } else { Err(text) }
    })
    .await;
    let now = admin.bot_in_state("scout", "running", 30).await;
    assert_eq!(now["containerId"], bot["containerId"], "it is the same container");
    assert_eq!(now["restarts"], bot["restarts"]);
    let started = docker::output(&[
        "inspect",
        "-f",
        "{{.State.StartedAt}} {{.RestartCount}}",
        now["containerId"].as_str().expect("a container"),
    ]);
    assert!(started.ends_with(" 0\n"), "{started}");
    let log = docker::output(&["logs", now["containerId"].as_str().expect("a container")]);
    assert_eq!(log.matches("[gateway] ready").count(), 1, "its process was not restarted: {log}");
    admin.send(reqwest::Method::DELETE, "/api/bot/scout", None).await;
}
