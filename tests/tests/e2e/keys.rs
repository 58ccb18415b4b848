//! Provider keys that fail: another one answers, people see why, and what is mended comes back.

use axum::{
    Json, Router,
    extract::{OriginalUri, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use clawplane_tests::{Client, Platform, wait};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const GOOD: &str = "sk-good-0123456789";
const REVOKED: &str = "sk-revoked-0123456789";
const MENDED: &str = "sk-mended-0123456789";

/// The keys that a vendor was shown, with the path.
type Shown = Arc<Mutex<Vec<(String, String)>>>;

/// A vendor that takes every key but the revoked one.
async fn vendor() -> (String, Shown) {
    async fn answer(State(shown): State<Shown>, uri: OriginalUri, headers: HeaderMap) -> Response {
        let key = headers["authorization"].to_str().expect("a text").trim_start_matches("Bearer ").to_owned();
        let refused = key == REVOKED;
        shown.lock().expect("the list").push((uri.path().to_owned(), key));
        if refused {
            let error = json!({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}});
            return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
        }
        Json(json!({"id": "c", "model": "gpt-4o-mini", "choices": [{"message": {"content": "pong"}}],
                    "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}}))
        .into_response()
    }
    let shown = Shown::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let routes = Router::new().fallback(answer).with_state(shown.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, shown)
}

async fn health(admin: &Client, id: &str) -> Value {
    let page = admin.get("/api/provider-key/health").await;
    let items = page["items"].as_array().expect("keys").clone();
    items.into_iter().find(|key| key["id"] == json!(id)).expect("the key")
}

async fn in_state(admin: &Client, id: &str, state: &str) -> Value {
    wait::until(&format!("the key to be {state}"), 20, || async {
        let health = health(admin, id).await;
        if health["state"] == json!(state) { Ok(health) } else { Err(health) }
    })
    .await
}

#[tokio::test]
async fn a_refused_key_is_passed_over_seen_mended_and_audited() {
    let (address, shown) = vendor().await;
    let platform = Platform::start(std::slice::from_ref(&address)).await;
    let admin = platform.admin().await;
    let base = format!("http://{address}/v1");
    let revoked = admin.add_key("openai", REVOKED, &base).await;
    let good = admin.add_key("openai", GOOD, &base).await;
    let token = admin.add_bot("scout").await;
    let http = reqwest::Client::new();
    let ask = || async {
        let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "ping"}]});
        let url = format!("{}/api/v1/openai/chat/completions", platform.url);
        let answer = http.post(url).bearer_auth(&token).json(&body).send().await.expect("an answer");
        (answer.status(), answer.text().await.expect("a body"))
    };

    // Both have their turn within two requests, and no client notices.
    for _ in 0..4 {
        let (status, text) = ask().await;
        assert_eq!(status, StatusCode::OK, "{text}");
    }
    let seen: Vec<_> = shown.lock().expect("the list").iter().map(|(_, key)| key.clone()).collect();
    assert_eq!(seen.iter().filter(|key| *key == REVOKED).count(), 1, "{seen:?}");
    let rows = admin.usage("scout", 4).await;
    assert!(rows.iter().all(|row| row["status"] == json!(200)), "{rows:?}");

    let disabled = in_state(&admin, &revoked, "disabled").await;
    assert_eq!((&disabled["by"], &disabled["status"]), (&json!("proxy"), &json!(401)), "{disabled}");
    assert_eq!(health(&admin, &good).await["state"], json!("healthy"));

    // The vendor still does not take it; the one that works is verified.
    let path = format!("/api/provider-key/{revoked}");
    let said = admin.post(&format!("{path}/verify"), &json!({})).await;
    assert_eq!((&said["ok"], &said["code"]), (&json!(false), &json!("refused")), "{said}");
    assert_eq!(health(&admin, &revoked).await["state"], json!("disabled"));
    let said = admin.post(&format!("/api/provider-key/{good}/verify"), &json!({})).await;
    assert_eq!((&said["ok"], &said["status"]), (&json!(true), &json!(200)), "{said}");
    assert!(shown.lock().expect("the list").contains(&("/v1/models".to_owned(), GOOD.to_owned())));

    // Without the other one nothing works, and the answer says which keys are down.
    admin.post(&format!("/api/provider-key/{good}/disable"), &json!({"reason": "on holiday"})).await;
    let refused = wait::until("both keys to be out of use", 5, || async {
        let (status, text) = ask().await;
        if status == StatusCode::SERVICE_UNAVAILABLE { Ok(text) } else { Err(status) }
    })
    .await;
    assert!(refused.contains("no_healthy_key") && refused.contains(&revoked), "{refused}");

    // Another secret, and enabled.
    admin.post(&format!("{path}/rotate"), &json!({"secret": MENDED})).await;
    admin.post(&format!("{path}/enable"), &json!({})).await;
    wait::until("the mended key to be used", 5, || async {
        let (status, text) = ask().await;
        if status == StatusCode::OK { Ok(()) } else { Err(text) }
    })
    .await;
    assert_eq!(shown.lock().expect("the list").last().map(|(_, key)| key.clone()).as_deref(), Some(MENDED));
    assert_eq!(health(&admin, &revoked).await["state"], json!("healthy"));
    let patched = json!({"label": "mended", "weight": 3});
    let (status, row) = admin.send(Method::PATCH, &path, Some(&patched)).await;
    assert_eq!((status, &row["label"], &row["weight"]), (StatusCode::OK, &json!("mended"), &json!(3)));
    audited(&admin, &revoked).await;
}

async fn audited(admin: &Client, key: &str) {
    let wanted = ["added", "disabled", "rotated", "enabled", "changed"];
    let path = format!("/api/audit?thingType=provider_key&thingId={key}&limit=50");
    let names = |body: &Value| -> Vec<String> {
        let items = body["items"].as_array().cloned().unwrap_or_default();
        let name = |item: &Value| item["action"].as_str().unwrap_or_default().replace("provider_key.", "");
        items.iter().rev().map(name).collect()
    };
    let audit = admin.get_when(&path, |body| names(body) == wanted).await;
    let text = audit.to_string();
    let disabled = audit["items"]
        .as_array()
        .and_then(|items| items.iter().find(|item| item["action"] == json!("provider_key.disabled")));
    assert_eq!(disabled.map(|item| &item["actor"]), Some(&json!("system:proxy")), "{text}");
    for secret in [GOOD, REVOKED, MENDED, "ciphertext"] {
        assert!(!text.contains(secret), "{text}");
    }
}
