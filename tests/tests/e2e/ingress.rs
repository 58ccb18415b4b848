//! Real OpenClaw through the platform's entrance: its API, its interface with its WebSocket, its log.

use clawplane_tests::{FakeVendor, Platform, docker, vendor::ANSWER, wait};
use futures::StreamExt;
use reqwest::{StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{client::IntoClientRequest, http::HeaderValue};

const HOST: &str = "scout.bots.test";
const ORIGIN: &str = "https://scout.bots.test";

#[tokio::test]
async fn a_real_bots_interface_and_api_are_behind_the_platforms_sign_in() {
    if !docker::available("the ingress test") {
        return;
    }
    let Some(image) = docker::openclaw_image() else {
        eprintln!("SKIPPED: the ingress test: no image (`make openclaw-image` makes one)");
        return;
    };
    let vendor = FakeVendor::start().await;
    let env = [("BOT_IMAGE", image.as_str()), ("CLAWPLANE_INGRESS_DOMAIN", "https://bots.test")];
    let platform = Platform::start_with(&[vendor.addr.to_string()], &env, &[]).await;
    let admin = platform.admin().await;
    admin.add_key("openai", "sk-ingress-vendor-secret", &format!("{}/v1", vendor.url())).await;
    let token = admin.add_bot("scout").await;
    admin.post("/api/bot/scout/start", &json!({})).await;
    admin.bot_in_state("scout", "running", 180).await;

    a_program_talks_to_it(&platform.url, &admin.token(), &token).await;
    let cookie = a_browser_signs_in(&platform.url, &admin).await;
    its_interface_is_served_and_handed_a_credential(&platform.url, &cookie, &token).await;
    its_socket_answers(&platform.url, &cookie).await;

    let log = reqwest::Client::new().get(format!("{}/api/bot/scout/logs", platform.url));
    let log = log.bearer_auth(admin.token()).send().await.expect("an answer").text().await.expect("a text");
    assert!(log.contains("[gateway]") && !log.contains(&token), "{log}");
    let diagnosis = admin.get("/api/bot/scout/diagnose").await;
    assert_eq!(diagnosis["status"], "ok", "{diagnosis}");
    let (status, _) = admin.send(reqwest::Method::DELETE, "/api/bot/scout", None).await;
    assert!(status.is_success());
    wait::until("its container to be gone", 60, || async {
        let left = docker::output(&[
            "ps",
            "-aq",
            "--filter",
            "name=clawplane-scout",
            "--filter",
            "label=clawplane.bot",
        ]);
        let mine = admin.send(reqwest::Method::GET, "/api/bot/scout", None).await.0;
        if mine == StatusCode::NOT_FOUND { Ok(()) } else { Err(left) }
    })
    .await;
}

async fn a_program_talks_to_it(url: &str, access: &str, token: &str) {
    let chat = format!("{url}/bots/scout/v1/chat/completions");
    let body = json!({"model": "openclaw", "messages": [{"role": "user", "content": "Say pong."}]});
    let http = reqwest::Client::new();
    let nobody = http.post(&chat).json(&body).send().await.expect("an answer");
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    // The bot's own token opens the bot, and not the platform in front of it.
    let own = http.post(&chat).bearer_auth(token).json(&body).send().await.expect("an answer");
    assert_eq!(own.status(), StatusCode::UNAUTHORIZED);
    let answer =
        http.post(&chat).bearer_auth(access).json(&body).timeout(Duration::from_mins(2)).send().await;
    let answer: Value = answer.expect("an answer").json().await.expect("JSON");
    let said = answer["choices"][0]["message"]["content"].as_str().unwrap_or_default();
    assert!(said.contains(ANSWER), "{answer}");
}

/// `name=value` of the cookie on the bot's own host.
async fn a_browser_signs_in(url: &str, admin: &clawplane_tests::Client) -> String {
    let opened = admin.post("/api/bot/scout/session", &json!({})).await;
    let ticket =
        opened["url"].as_str().expect("a link").strip_prefix(ORIGIN).expect("the bot's host").to_owned();
    let signed = get(url, &ticket, "").await;
    assert_eq!(signed.status(), StatusCode::OK);
    let set = signed.headers()[header::SET_COOKIE].to_str().expect("a text").to_owned();
    set.split(';').next().expect("a cookie").to_owned()
}

async fn get(url: &str, path: &str, cookie: &str) -> reqwest::Response {
    let request = reqwest::Client::new().get(format!("{url}{path}")).header(header::HOST, HOST);
    request.header(header::COOKIE, cookie).timeout(Duration::from_mins(1)).send().await.expect("an answer")
}

async fn its_interface_is_served_and_handed_a_credential(url: &str, cookie: &str, token: &str) {
    assert_eq!(get(url, "/", "").await.status(), StatusCode::UNAUTHORIZED);
    let page = get(url, "/", cookie).await;
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("a text").to_owned();
    assert!(policy.contains("script-src") && !policy.contains("sandbox"), "its own: {policy}");
    assert!(page.text().await.expect("a page").contains("OpenClaw"));
    let handed = get(url, "/.well-known/openclaw/browser-bootstrap", cookie).await;
    let handed: Value = handed.json().await.expect("JSON");
    assert_eq!(handed["bootstrapProfile"], "owner", "{handed}");
    let credential = handed["bootstrapToken"].as_str().expect("a credential");
    assert!(credential.len() > 20 && credential != token, "{handed}");
}

async fn its_socket_answers(url: &str, cookie: &str) {
    let dial = async |origin: &str| {
        let mut request = url.replacen("http", "ws", 1).into_client_request().expect("a URL");
        let headers = request.headers_mut();
        headers.insert("host", HeaderValue::from_static(HOST));
        headers.insert("origin", HeaderValue::from_str(origin).expect("a text"));
        headers.insert("cookie", HeaderValue::from_str(cookie).expect("a text"));
        tokio_tungstenite::connect_async(request).await
    };
    assert!(dial("https://other.bots.test").await.is_err(), "a neighbour's page");
    let (mut socket, _) = dial(ORIGIN).await.expect("its WebSocket");
    let first = tokio::time::timeout(Duration::from_secs(20), socket.next()).await.expect("in time");
    let first = first.expect("a message").expect("a message").into_text().expect("a text");
    assert!(first.contains("connect.challenge"), "{first}");
}
