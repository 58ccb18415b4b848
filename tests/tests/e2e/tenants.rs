//! Two tenants on one installation never meet.

use clawplane_tests::{Client, FakeVendor, Platform};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn a_bot_of_one_user_can_neither_use_nor_see_the_key_of_another() {
    let vendor = FakeVendor::start().await;
    let platform = Platform::start(&[vendor.addr.to_string()]).await;
    let ada = platform.admin().await;
    platform.add_user("bob@example.org", "another long password");
    let bob = Client::login(&platform.url, "bob@example.org", "another long password").await;

    let key = ada.add_key("openai", "sk-of-ada", &format!("{}/v1", vendor.url())).await;
    ada.add_bot("scout").await;
    let token = bob.add_bot("intruder").await;

    // Bob's bot has no key of its own, and Ada's is not taken instead.
    let call = |vendor: &'static str| {
        let url = format!("{}/api/v1/{vendor}/chat/completions", platform.url);
        let body = json!({"model": "gpt-4o-mini", "messages": []});
        reqwest::Client::new().post(url).bearer_auth(&token).json(&body).send()
    };
    let answer = call("openai").await.expect("an answer");
    assert!(!answer.status().is_success(), "{}", answer.status());
    let text = answer.text().await.expect("a body");
    assert!(text.contains("/api/provider-key"), "the error names the remedy: {text}");
    assert!(vendor.seen().is_empty());

    // With a key of his own he uses that one.
    bob.add_key("openai", "sk-of-bob", &format!("{}/v1", vendor.url())).await;
    clawplane_tests::wait::until("bob's key to be known to the proxy", 5, || async {
        let status = call("openai").await.expect("an answer").status();
        if status == StatusCode::OK { Ok(()) } else { Err(status) }
    })
    .await;
    assert!(vendor.seen().iter().all(|seen| seen.header("authorization") == Some("Bearer sk-of-bob")));

    // What is not his does not exist for him.
    for (method, path) in [
        (Method::GET, "/api/bot/scout".to_owned()),
        (Method::DELETE, "/api/bot/scout".to_owned()),
        (Method::POST, "/api/bot/scout/start".to_owned()),
        (Method::POST, "/api/bot/scout/stop".to_owned()),
        (Method::GET, "/api/bot/scout/usage/stats".to_owned()),
        (Method::GET, "/api/bot/scout/usage/logs".to_owned()),
        (Method::GET, "/api/bot/scout/usage/trend".to_owned()),
        (Method::GET, "/api/bot/scout/usage/breakdown".to_owned()),
        (Method::DELETE, format!("/api/provider-key/{key}")),
    ] {
        let (status, body) = bob.send(method.clone(), &path, None).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}: {body}");
    }
    let (status, body) =
        bob.send(Method::PUT, "/api/bot/scout/quota", Some(&json!({"dailyTokens": 1}))).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
    for path in [
        "/api/bot",
        "/api/bot/stats",
        "/api/provider-key",
        "/api/provider-key/health",
        "/api/audit?limit=200",
    ] {
        let answer = bob.get(path).await.to_string();
        assert!(!answer.contains("scout") && !answer.contains(&key), "{path}: {answer}");
    }
    // A hostname is one for the whole platform.
    let (status, body) = bob.send(Method::POST, "/api/bot", Some(&json!({"hostname": "scout"}))).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
    assert_eq!(body["errors"][0]["field"], json!("hostname"), "{body}");
    ada.get("/api/bot/scout").await;
}
