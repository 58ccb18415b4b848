//! The proxy as a bot uses it: each vendor's own format through the real platform, metered the same way.

use clawplane_tests::{
    Client, FakeVendor, Platform,
    vendor::{ANSWER, CACHE_WRITE, CACHED, INPUT, OUTPUT, REASONING},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

const SECRET: &str = "sk-vendor-secret-4711";

struct Scene {
    platform: Platform,
    vendor: FakeVendor,
    admin: Client,
    token: String,
    http: reqwest::Client,
}

impl Scene {
    async fn set() -> Self {
        let vendor = FakeVendor::start().await;
        let platform = Platform::start(&[vendor.addr.to_string()]).await;
        let admin = platform.admin().await;
        admin.add_key("openai", SECRET, &format!("{}/v1", vendor.url())).await;
        admin.add_key("anthropic", SECRET, &vendor.url()).await;
        admin.add_key("google", SECRET, &vendor.url()).await;
        let token = admin.add_bot("scout").await;
        Self { platform, vendor, admin, token, http: reqwest::Client::new() }
    }

    fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}/api/v1/{path}", self.platform.url))
    }

    /// What `vendor` was metered at, newest first.
    async fn metered(&self, vendor: &str, count: usize) -> Vec<Value> {
        let all = self.admin.usage("scout", count).await;
        all.into_iter().filter(|row| row["vendor"] == json!(vendor)).collect()
    }
}

#[tokio::test]
async fn every_format_is_forwarded_untouched_and_metered_alike() {
    let scene = Scene::set().await;
    let mut sent = 0;
    for stream in [false, true] {
        openai(&scene, stream).await;
        anthropic(&scene, stream).await;
        gemini(&scene, stream).await;
        sent += 3;
    }
    for (vendor, cache_write, reasoning) in
        [("openai", 0, REASONING), ("anthropic", CACHE_WRITE, 0), ("google", 0, REASONING)]
    {
        let rows = scene.metered(vendor, sent).await;
        assert_eq!(rows.len(), 2, "{vendor}: {rows:?}");
        for row in rows {
            let counts =
                ["inputTokens", "cachedInputTokens", "cacheWriteTokens", "outputTokens", "reasoningTokens"];
            let counted: Vec<u64> = counts.iter().filter_map(|name| row[name].as_u64()).collect();
            assert_eq!(counted, [INPUT, CACHED, cache_write, OUTPUT, reasoning], "{vendor}: {row}");
            assert_eq!((&row["estimated"], &row["interrupted"]), (&json!(false), &json!(false)), "{row}");
            assert_eq!(row["status"], json!(200));
        }
    }
    rollups_and_audit_agree(&scene, sent).await;
    no_vendor_saw_a_token_of_ours(&scene);
}

async fn openai(scene: &Scene, stream: bool) {
    let body =
        json!({"model": "gpt-4o-mini", "stream": stream, "messages": [{"role": "user", "content": "ping"}]});
    let answer =
        scene.post("openai/chat/completions?beta=1").bearer_auth(&scene.token).json(&body).send().await;
    let text = answer.expect("an answer").text().await.expect("a body");
    if stream {
        assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
        assert!(!text.contains("\"choices\":[]"), "the client did not ask for the usage chunk:\n{text}");
    } else {
        assert!(text.contains(ANSWER), "{text}");
    }
    let seen = scene.vendor.seen().pop().expect("a request");
    assert_eq!(seen.uri, "/v1/chat/completions?beta=1");
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
}

async fn anthropic(scene: &Scene, stream: bool) {
    let body = json!({"model": "claude-sonnet-4-5", "max_tokens": 100, "stream": stream,
                      "messages": [{"role": "user", "content": "ping"}]});
    let answer = scene
        .post("anthropic/v1/messages")
        .header("x-api-key", &scene.token)
        .header("anthropic-version", "2023-06-01")
        .json(&body)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK, "anthropic-version has to arrive");
    let text = answer.text().await.expect("a body");
    assert!(text.contains(if stream { "message_stop" } else { ANSWER }), "{text}");
    let seen = scene.vendor.seen().pop().expect("a request");
    assert_eq!((seen.uri.as_str(), seen.header("x-api-key")), ("/v1/messages", Some(SECRET)));
    assert_eq!(seen.body, body, "nothing is added to the body of a vendor that would reject it");
}

async fn gemini(scene: &Scene, stream: bool) {
    let (call, query) = if stream { ("streamGenerateContent", "?alt=sse") } else { ("generateContent", "") };
    let path = format!("v1beta/models/gemini-2.5-flash:{call}{query}");
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "ping"}]}]});
    let request = scene.post(&format!("google/{path}")).header("x-goog-api-key", &scene.token).json(&body);
    let text = request.send().await.expect("an answer").text().await.expect("a body");
    assert!(text.contains("pong"), "{text}");
    let seen = scene.vendor.seen().pop().expect("a request");
    assert_eq!(
        (seen.uri, seen.headers["x-goog-api-key"].as_bytes()),
        (format!("/{path}"), SECRET.as_bytes())
    );
}

/// Bodies of every size arrive as they were sent: a bot's prompt is 60 kB and more, and comes in many pieces.
#[tokio::test]
async fn large_bodies_arrive_whole() {
    let scene = Scene::set().await;
    for size in [1, 1_000, 20_000, 60_000, 400_000, 5_000_000] {
        let content: String = ('a'..='z').cycle().take(size).collect();
        for stream in [false, true] {
            let body = json!({"model": "gpt-4o-mini", "stream": stream,
                              "messages": [{"role": "user", "content": content}]});
            let request = scene.post("openai/chat/completions").bearer_auth(&scene.token).json(&body);
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK, "{size} bytes: {:?}", answer.text().await);
            let seen = scene.vendor.seen().pop().expect("a request");
            assert!(seen.body["messages"] == body["messages"], "{size} bytes did not arrive whole");
        }
    }
}

async fn rollups_and_audit_agree(scene: &Scene, sent: usize) {
    let stats = scene.admin.stats("scout", sent).await;
    assert_eq!(stats["requests"], json!(sent), "{stats}");
    assert_eq!(stats["inputTokens"], json!(INPUT * sent as u64), "{stats}");
    assert_eq!(stats["outputTokens"], json!(OUTPUT * sent as u64), "{stats}");
    let by_vendor = scene.admin.get("/api/bot/scout/usage/breakdown?by=vendor").await;
    assert_eq!(by_vendor["items"].as_array().map(Vec::len), Some(3), "{by_vendor}");
    let trend = scene.admin.get("/api/bot/scout/usage/trend?bucket=hour").await;
    let points = trend["points"].as_array().expect("points");
    let total: u64 = points.iter().filter_map(|point| point["requests"].as_u64()).sum();
    assert_eq!(total, sent as u64, "{trend}");
    let audited = scene.admin.audited_usage(sent).await;
    assert_eq!(audited.len(), sent, "{audited:?}");
}

fn no_vendor_saw_a_token_of_ours(scene: &Scene) {
    for seen in scene.vendor.seen() {
        assert!(!format!("{seen:?}").contains(&scene.token), "{seen:?}");
        assert_eq!(seen.header("accept-encoding"), Some("identity"), "else usage cannot be read");
    }
}

#[tokio::test]
async fn a_quota_is_refused_with_429_and_a_refusal_reaches_no_vendor() {
    let scene = Scene::set().await;
    let ask = || async {
        let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "ping"}]});
        scene
            .post("openai/chat/completions")
            .bearer_auth(&scene.token)
            .json(&body)
            .send()
            .await
            .expect("an answer")
    };
    assert_eq!(ask().await.status(), StatusCode::OK);
    scene.metered("openai", 1).await;

    let quota = json!({"dailyTokens": INPUT});
    let (status, body) = scene.admin.send(reqwest::Method::PUT, "/api/bot/scout/quota", Some(&quota)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let refused = clawplane_tests::wait::until("the quota to count", 5, || async {
        let answer = ask().await;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS { Ok(answer) } else { Err(answer.status()) }
    })
    .await;
    assert_eq!(refused.headers()["x-should-retry"], "false");
    assert!(refused.headers().contains_key("retry-after"));
    let error: Value = refused.json().await.expect("JSON");
    assert_eq!(error["error"]["code"], json!("quota_exceeded"), "{error}");

    let before = scene.vendor.seen().len();
    assert_eq!(ask().await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(scene.vendor.seen().len(), before);

    let (status, _) = scene.admin.send(reqwest::Method::PUT, "/api/bot/scout/quota", Some(&json!({}))).await;
    assert_eq!(status, StatusCode::OK);
    clawplane_tests::wait::until("the lifted quota to count", 5, || async {
        let status = ask().await.status();
        if status == StatusCode::OK { Ok(()) } else { Err(status) }
    })
    .await;
}

#[tokio::test]
async fn a_deleted_key_and_a_deleted_bot_are_refused_within_a_second() {
    let scene = Scene::set().await;
    let ask = || async {
        let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "ping"}]});
        let request = scene.post("openai/chat/completions").bearer_auth(&scene.token).json(&body);
        request.send().await.expect("an answer").status()
    };
    assert_eq!(ask().await, StatusCode::OK);
    let keys = scene.admin.get("/api/provider-key").await;
    let keys = keys["items"].as_array().expect("keys");
    let key = keys.iter().find(|key| key["vendor"] == json!("openai")).expect("the openai key");
    let path = format!("/api/provider-key/{}", key["id"].as_str().expect("an id"));
    let (status, body) = scene.admin.send(reqwest::Method::DELETE, &path, None).await;
    assert!(status.is_success(), "{status} {body}");
    clawplane_tests::wait::until("the key to be refused", 1, || async {
        let status = ask().await;
        if status == StatusCode::OK { Err(status) } else { Ok(()) }
    })
    .await;

    let (status, body) = scene.admin.send(reqwest::Method::DELETE, "/api/bot/scout", None).await;
    assert!(status.is_success(), "{status} {body}");
    clawplane_tests::wait::until("the token to be refused", 1, || async {
        let status = ask().await;
        if status == StatusCode::UNAUTHORIZED { Ok(()) } else { Err(status) }
    })
    .await;
    let (status, _) = scene.admin.send(reqwest::Method::GET, "/api/bot/scout", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
