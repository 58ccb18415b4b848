//! The vendors' official SDKs, unmodified, between a bot's token and a fake vendor. The scripts are in `tests/sdk`: they
//! check what an SDK makes of the answers; here is checked what the vendor was sent and what was metered.

use clawplane_tests::{
    Client, FakeVendor, Platform,
    sdk::{PNG, Sdk},
    vendor::{CACHE_WRITE, CACHED, EMBEDDED, INPUT, OUTPUT, REASONING},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const SECRET: &str = "sk-vendor-secret-4712";

/// What a row of the usage log says: status, error, stream, and the five counts.
type Row = (u64, Option<String>, bool, [u64; 5]);

struct Scene {
    platform: Platform,
    vendor: FakeVendor,
    admin: Client,
    token: String,
    poor: String,
    /// Requests of the poor bot before the script.
    before: usize,
}

impl Scene {
    /// A key of `vendor` at the fake one, a bot, and a poor bot that has used its quota up.
    async fn set(vendor: &str, path: &str, request: (&str, Value)) -> Self {
        let fake = FakeVendor::start().await;
        let platform = Platform::start(&[fake.addr.to_string()]).await;
        let admin = platform.admin().await;
        admin.add_key(vendor, SECRET, &format!("{}{path}", fake.url())).await;
        let (token, poor) = (admin.add_bot("scout").await, admin.add_bot("poor").await);
        let mut scene = Self { platform, vendor: fake, admin, token, poor, before: 0 };
        scene.impoverish(vendor, request).await;
        scene
    }

    async fn impoverish(&mut self, vendor: &str, (path, body): (&str, Value)) {
        let http = reqwest::Client::new();
        let url = format!("{}/api/v1/{vendor}/{path}", self.platform.url);
        let ask =
            || http.post(&url).bearer_auth(&self.poor).header("anthropic-version", "1").json(&body).send();
        assert_eq!(ask().await.expect("an answer").status(), StatusCode::OK, "{url}");
        let quota = json!({"dailyTokens": 1});
        let (status, answer) = self.admin.send(Method::PUT, "/api/bot/poor/quota", Some(&quota)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let asked = std::cell::Cell::new(1);
        clawplane_tests::wait::until("the quota to count", 5, || async {
            asked.set(asked.get() + 1);
            let status = ask().await.expect("an answer").status();
            if status == StatusCode::TOO_MANY_REQUESTS { Ok(()) } else { Err(status) }
        })
        .await;
        self.before = asked.get();
    }

    async fn run(&self, sdk: Sdk, script: &'static str) {
        let (url, token, poor) = (self.platform.url.clone(), self.token.clone(), self.poor.clone());
        let ran = tokio::task::spawn_blocking(move || sdk.run(script, &url, &token, &poor)).await;
        let output = ran.expect("it ran");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script} failed:\n{out}\n{err}");
    }

    /// All rows of a bot, oldest first. A last request marks the end: what comes before it is in the log when it is.
    async fn rows(&self, hostname: &str, token: &str) -> Vec<Value> {
        let url = format!("{}/api/v1/end-of-test/x", self.platform.url);
        let marked = reqwest::Client::new().post(url).bearer_auth(token).send().await.expect("an answer");
        assert_eq!(marked.status(), StatusCode::NOT_FOUND);
        let is_marker = |row: &Value| row["error"] == json!("unknown_vendor");
        let items = |body: &Value| body["items"].as_array().cloned().unwrap_or_default();
        let path = format!("/api/bot/{hostname}/usage/logs?limit=200");
        let log = self.admin.get_when(&path, |body| items(body).iter().any(is_marker)).await;
        let mut rows: Vec<Value> = items(&log).into_iter().filter(|row| !is_marker(row)).collect();
        rows.reverse();
        rows
    }

    /// Exactly these rows were metered, and a poor bot's refusal was not tried again.
    async fn metered(&self, wanted: &[Row]) {
        let rows = self.rows("scout", &self.token).await;
        let rows: Vec<Row> = rows.iter().map(row).collect();
        assert_eq!(rows, wanted);
        let poor = self.rows("poor", &self.poor).await;
        assert_eq!(poor.len(), self.before + 1, "a quota that is used up is not tried again: {poor:?}");
        let codes: Vec<_> = poor.iter().filter_map(|row| row["error"].as_str()).collect();
        assert!(
            codes.len() + 1 >= poor.len() && codes.iter().all(|code| *code == "quota_exceeded"),
            "{codes:?}"
        );
    }

    /// The vendor got its own key and nothing of ours, and the picture whole.
    fn vendor_saw(&self, header: Option<(&str, &str)>) {
        let seen = self.vendor.seen();
        for request in &seen {
            let text = format!("{request:?}").to_lowercase();
            assert!(!text.contains(&self.token) && !text.contains(&self.poor), "{request:?}");
            assert!(!text.contains("clawplane/") && request.header("cookie").is_none(), "{request:?}");
            for name in ["authorization", "x-api-key", "x-goog-api-key", "api-key"] {
                let wanted = header.and_then(|(place, value)| (place == name).then_some(value));
                assert_eq!(request.header(name), wanted, "{name} of {request:?}");
            }
        }
        // Google's SDK writes base64 in the alphabet for URLs.
        let text = |body: &Value| body.to_string().replace('-', "+").replace('_', "/");
        let pictures = seen.iter().filter(|request| text(&request.body).contains(PNG)).count();
        assert_eq!(pictures, 1, "the picture arrives");
    }
}

fn row(row: &Value) -> Row {
    let counts = ["inputTokens", "cachedInputTokens", "cacheWriteTokens", "outputTokens", "reasoningTokens"];
    let counts = counts.map(|name| row[name].as_u64().expect("a count"));
    assert_eq!(row["interrupted"], json!(false), "{row}");
    let status = row["status"].as_u64().expect("a status");
    (status, row["error"].as_str().map(str::to_owned), row["stream"] == json!(true), counts)
}

fn whole(counts: [u64; 5]) -> Row {
    (200, None, false, counts)
}

fn stream(counts: [u64; 5]) -> Row {
    (200, None, true, counts)
}

fn failed(status: u64) -> Row {
    (status, None, false, [0; 5])
}

fn refused(status: u64, code: &str) -> Row {
    (status, Some(code.to_owned()), false, [0; 5])
}

fn chat_request() -> Value {
    json!({"model": "gpt-4o-mini", "max_tokens": 8, "messages": [{"role": "user", "content": "ping"}]})
}

const OPENAI: [u64; 5] = [INPUT, CACHED, 0, OUTPUT, REASONING];

async fn openai(sdk: Sdk, script: &'static str) {
    if !sdk.available(script) {
        return;
    }
    let scene = Scene::set("openai", "/v1", ("chat/completions", chat_request())).await;
    scene.run(sdk, script).await;
    let mut rows = vec![whole(OPENAI), stream(OPENAI), stream(OPENAI)];
    rows.extend([whole(OPENAI), whole(OPENAI), stream(OPENAI), whole(OPENAI)]);
    rows.extend([whole(OPENAI), stream(OPENAI), whole([EMBEDDED, 0, 0, 0, 0]), whole([0; 5])]);
    rows.extend([refused(400, "no_provider_key"), failed(400), failed(429)]);
    scene.metered(&rows).await;
    scene.vendor_saw(Some(("authorization", &format!("Bearer {SECRET}"))));
}

#[tokio::test]
async fn openai_for_python() {
    openai(Sdk::Python, "openai_sdk.py").await;
}

#[tokio::test]
async fn openai_for_javascript() {
    openai(Sdk::Node, "openai_sdk.mjs").await;
}

#[tokio::test]
async fn anthropic_for_python() {
    if !Sdk::Python.available("anthropic_sdk.py") {
        return;
    }
    let scene = Scene::set("anthropic", "", ("v1/messages", chat_request())).await;
    scene.run(Sdk::Python, "anthropic_sdk.py").await;
    let counts = [INPUT, CACHED, CACHE_WRITE, OUTPUT, 0];
    let mut rows = vec![whole(counts), stream(counts), whole(counts), whole(counts), stream(counts)];
    rows.extend([whole(counts), failed(400), failed(429)]);
    scene.metered(&rows).await;
    scene.vendor_saw(Some(("x-api-key", SECRET)));
}

#[tokio::test]
async fn google_for_python() {
    if !Sdk::Python.available("google_sdk.py") {
        return;
    }
    let body = json!({"contents": [{"parts": [{"text": "ping"}]}]});
    let scene = Scene::set("google", "", ("v1beta/models/gemini-2.5-flash:generateContent", body)).await;
    scene.run(Sdk::Python, "google_sdk.py").await;
    let mut rows = vec![whole(OPENAI), stream(OPENAI), whole(OPENAI), whole(OPENAI)];
    rows.extend([whole(OPENAI), whole(OPENAI), whole(OPENAI)]);
    let log = scene.rows("scout", &scene.token).await;
    // Google does not say what an embedding costs.
    let embedding = log.iter().position(|row| row["estimated"] == json!(true)).expect("an estimate");
    assert_eq!(embedding, rows.len(), "{log:?}");
    rows.push(row(&log[embedding]));
    assert!(rows[embedding].3[0] > 0 && rows[embedding].3[3] == 0, "{log:?}");
    rows.extend([failed(400), failed(429)]);
    scene.metered(&rows).await;
    scene.vendor_saw(Some(("x-goog-api-key", SECRET)));
    let uris: Vec<String> = scene.vendor.seen().into_iter().map(|seen| seen.uri).collect();
    for part in ["/v1/", "/v1beta/", "alt=sse"] {
        assert!(uris.iter().any(|uri| uri.contains(part)), "{part}: {uris:?}");
    }
}

#[tokio::test]
async fn ollama_for_python() {
    if !Sdk::Python.available("ollama_sdk.py") {
        return;
    }
    let body = json!({"model": "llama3", "stream": false, "messages": []});
    let scene = Scene::set("ollama", "", ("api/chat", body)).await;
    scene.run(Sdk::Python, "ollama_sdk.py").await;
    let counts = [INPUT, 0, 0, OUTPUT, 0];
    let mut rows = vec![whole(counts), stream(counts), whole(counts), stream(counts)];
    rows.extend([whole(counts), whole(counts), stream(counts), whole(counts)]);
    rows.extend([whole([EMBEDDED, 0, 0, 0, 0]), failed(400), failed(429)]);
    scene.metered(&rows).await;
    scene.vendor_saw(None);
}
