//! What real OpenClaw does when its quota is used up: it must stop, not hammer.

use clawplane_tests::{Client, FakeVendor, Platform, docker, vendor::INPUT, wait};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// How long it is watched. It tries a plain rate limit about ten times in two minutes, most of them in this time.
const WATCHED: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_bot_whose_quota_is_used_up_stops_asking() {
    if !docker::available("the OpenClaw quota test") {
        return;
    }
    let Some(image) = docker::openclaw_image() else {
        eprintln!("SKIPPED: the OpenClaw quota test: no image (`make openclaw-image` makes one)");
        return;
    };
    let vendor = FakeVendor::start().await;
    let platform = Platform::start_with(&[vendor.addr.to_string()], &[("BOT_IMAGE", &image)], &[]).await;
    let admin = platform.admin().await;
    admin.add_key("openai", "sk-vendor-secret-4711", &format!("{}/v1", vendor.url())).await;
    let token = admin.add_bot("scout").await;
    admin.post("/api/bot/scout/start", &json!({})).await;
    let bot = admin.bot_in_state("scout", "running", 180).await;
    wait::until("the gateway to answer", 60, || async {
        match ask(&bot, &token).await {
            Ok(answer) if answer["choices"].is_array() => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let served = vendor.seen().len();
    admin.usage("scout", served).await;

    let (status, body) =
        admin.send(Method::PUT, "/api/bot/scout/quota", Some(&json!({"dailyTokens": INPUT}))).await;
    assert!(status.is_success(), "{status} {body}");
    let begun = tokio::time::Instant::now();
    wait::until("the proxy to refuse the bot", 20, || async {
        let _ = ask(&bot, &token).await;
        if refusals(&admin).await > 0 { Ok(()) } else { Err("nothing was refused") }
    })
    .await;
    // That it does nothing can only be seen by watching.
    tokio::time::sleep_until(begun + WATCHED).await;
    let refused = refusals(&admin).await;
    eprintln!("OpenClaw asked {refused} times in {} s after its quota was used up", WATCHED.as_secs());
    assert!((1..=2).contains(&refused), "{refused} requests came to the proxy");
    assert_eq!(vendor.seen().len(), served, "none came to the vendor");
}

/// How many of the bot's requests were refused for its quota.
async fn refusals(admin: &Client) -> usize {
    let rows = admin.get("/api/bot/scout/usage/logs?limit=200").await;
    let rows = rows["items"].as_array().cloned().unwrap_or_default();
    rows.iter().filter(|row| row["error"] == json!("quota_exceeded")).count()
}

/// Over the bot's own gateway, as its people do. With its quota used up it may take its time to say so.
async fn ask(bot: &Value, token: &str) -> Result<Value, reqwest::Error> {
    let url = format!("http://127.0.0.1:{}/v1/chat/completions", bot["port"]);
    let body = json!({"model": "openclaw", "messages": [{"role": "user", "content": "Say pong."}]});
    let request = reqwest::Client::new().post(&url).bearer_auth(token).json(&body);
    request.timeout(Duration::from_secs(15)).send().await?.json().await
}
