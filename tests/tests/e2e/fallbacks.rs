//! Another vendor in the place of one that is down: set by a person, effective within a second, paid as its own.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{OriginalUri, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use clawplane_tests::{Client, Platform, wait};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

const MODEL: &str = "llama-3.3-70b-versatile";
const PATH: &str = "/api/bot/scout/fallbacks";

/// A vendor with a status to answer with, and what it heard.
#[derive(Clone)]
struct Fake {
    name: &'static str,
    status: Arc<AtomicU16>,
    heard: Arc<Mutex<Vec<(String, HeaderMap, String)>>>,
}

impl Fake {
    async fn start(name: &'static str, status: u16) -> (String, Self) {
        let fake = Self { name, status: Arc::new(AtomicU16::new(status)), heard: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let routes = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (address, fake)
    }

    fn heard(&self) -> Vec<(String, HeaderMap, String)> {
        self.heard.lock().expect("the list").clone()
    }
}

async fn answer(State(fake): State<Fake>, uri: OriginalUri, headers: HeaderMap, body: Bytes) -> Response {
    let text = String::from_utf8_lossy(&body).into_owned();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    fake.heard.lock().expect("the list").push((uri.path().to_owned(), headers, text));
    let status = StatusCode::from_u16(fake.status.load(Ordering::SeqCst)).expect("a status");
    if status != StatusCode::OK {
        let error = json!({"error": {"message": format!("{} is down", fake.name), "code": "down"}});
        return (status, Json(error)).into_response();
    }
    let usage = json!({"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100});
    if asked["stream"] == json!(true) {
        let chunk = json!({"model": asked["model"], "choices": [{"delta": {"content": fake.name}}]});
        let last = json!({"model": asked["model"], "choices": [], "usage": usage});
        let sse = format!("data: {chunk}\n\ndata: {last}\n\ndata: [DONE]\n\n");
        return ([(header::CONTENT_TYPE, "text/event-stream")], sse).into_response();
    }
    let message = json!({"role": "assistant", "content": fake.name});
    Json(json!({"id": "c", "model": asked["model"], "choices": [{"message": message}], "usage": usage}))
        .into_response()
}

/// Status, who answered, and the text.
async fn ask(platform: &Platform, token: &str, stream: bool) -> (u16, Option<String>, String) {
    let body =
        json!({"model": "gpt-4o-mini", "stream": stream, "messages": [{"role": "user", "content": "ping"}]});
    let url = format!("{}/api/v1/openai/chat/completions", platform.url);
    let request = reqwest::Client::new().post(url).bearer_auth(token).header("openai-organization", "org-1");
    let answer = request.json(&body).send().await.expect("an answer");
    let by = answer.headers().get("x-clawplane-vendor").and_then(|by| by.to_str().ok()).map(str::to_owned);
    (answer.status().as_u16(), by, answer.text().await.expect("a body"))
}

async fn put(admin: &Client, body: Value) -> (StatusCode, Value) {
    admin.send(Method::PUT, PATH, Some(&body)).await
}

#[tokio::test]
async fn the_next_vendor_answers_while_the_asked_one_is_down() {
    let (openai, down) = Fake::start("openai", 503).await;
    let (groq, up) = Fake::start("groq", 200).await;
    let platform = Platform::start(&[openai.clone(), groq.clone()]).await;
    let admin = platform.admin().await;
    let asked_key = admin.add_key("openai", "sk-openai-0123456789", &format!("http://{openai}/v1")).await;
    let other_key = admin.add_key("groq", "gsk-groq-0123456789", &format!("http://{groq}/openai/v1")).await;
    let token = admin.add_bot("scout").await;

    let (status, by, text) = ask(&platform, &token, false).await;
    assert_eq!((status, by), (503, None), "{text}");
    assert!(text.contains("openai is down") && up.heard().is_empty(), "{text}");

    let (status, body) = put(&admin, json!({"fallbacks": [{"from": "openai", "to": "openai"}]})).await;
    assert_eq!((status, &body["errors"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("fallbacks[0].to")));
    let list = json!({"fallbacks": [{"from": "openai", "to": "groq", "model": MODEL}]});
    let (status, body) = put(&admin, list).await;
    let set = Instant::now();
    assert_eq!(
        (status, &body["fallbacks"][0]["formats"]),
        (StatusCode::OK, &json!(["openai", "openai-responses"]))
    );
    wait::until("the fallback to count", 5, || async {
        let (status, by, text) = ask(&platform, &token, false).await;
        if (status, by.as_deref()) == (200, Some("groq")) { Ok(()) } else { Err((status, text)) }
    })
    .await;
    assert!(set.elapsed() < Duration::from_secs(1), "{:?}", set.elapsed());

    let (status, by, text) = ask(&platform, &token, true).await;
    assert_eq!((status, by.as_deref()), (200, Some("groq")), "{text}");
    assert!(text.contains("groq") && !text.contains("prompt_tokens"), "{text}");
    for (path, headers, body) in up.heard() {
        assert_eq!(path, "/openai/v1/chat/completions");
        assert_eq!(headers["authorization"], "Bearer gsk-groq-0123456789");
        assert!(!headers.contains_key("openai-organization") && body.contains(MODEL), "{body}");
        assert!(!body.contains("gpt-4o-mini"), "{body}");
    }

    // The asked one is back: its key's own probe finds out.
    down.status.store(200, Ordering::SeqCst);
    wait::until("the asked vendor to answer again", 60, || async {
        let (status, by, text) = ask(&platform, &token, false).await;
        if (status, by) == (200, None) { Ok(()) } else { Err((status, text)) }
    })
    .await;
    charged(&admin, &asked_key, &other_key, up.heard().len()).await;

    let (status, _) = admin.send(Method::DELETE, PATH, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    down.status.store(401, Ordering::SeqCst);
    let before = up.heard().len();
    wait::until("no fallback to count any more", 5, || async {
        let (status, by, text) = ask(&platform, &token, false).await;
        if by.is_none() && status >= 400 { Ok(()) } else { Err((status, text)) }
    })
    .await;
    assert!(up.heard().len() <= before + 1, "at most while the change was on its way");
    let audit = "/api/audit?action=bot.fallbacks_set&limit=10";
    let entries = |body: &Value| body["items"].as_array().map_or(0, Vec::len);
    admin.get_when(audit, |body| entries(body) == 2).await;
}

/// Each answer is in the log with who really gave it, at that one's price.
async fn charged(admin: &Client, asked_key: &str, other_key: &str, others: usize) {
    let good = |rows: &Value, vendor: &str| {
        let rows = rows["items"].as_array().cloned().unwrap_or_default().into_iter();
        rows.filter(|row| row["status"] == json!(200) && row["vendor"] == json!(vendor)).collect::<Vec<_>>()
    };
    let path = "/api/bot/scout/usage/logs?limit=200";
    let all = |rows: &Value| good(rows, "groq").len() == others && good(rows, "openai").len() == 1;
    let rows = admin.get_when(path, all).await;
    for row in good(&rows, "groq") {
        let told = (&row["keyId"], &row["model"], &row["costMicros"]);
        assert_eq!(told, (&json!(other_key), &json!(MODEL), &json!(669)), "{row}");
    }
    for row in good(&rows, "openai") {
        assert_eq!((&row["keyId"], &row["costMicros"]), (&json!(asked_key), &json!(210)), "{row}");
    }
}
