//! A model that no price list knows: unknown until an administrator says what it costs, and after it is removed again.

use clawplane_tests::{
    Client, FakeVendor, Platform,
    vendor::{CACHED, INPUT, OUTPUT, REASONING},
    wait,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What the price list has no figures for at all.
const VENDOR: &str = "doubao";
const MODEL: &str = "house-blend-7b";
/// Within this a price has to count.
const SOON: Duration = Duration::from_secs(1);

struct Scene {
    platform: Platform,
    _vendor: FakeVendor,
    admin: Client,
    token: String,
    http: reqwest::Client,
}

impl Scene {
    async fn set() -> Self {
        let vendor = FakeVendor::start().await;
        let platform = Platform::start(&[vendor.addr.to_string()]).await;
        let admin = platform.admin().await;
        admin.add_key(VENDOR, "sk-vendor", &format!("{}/v1", vendor.url())).await;
        let token = admin.add_bot("scout").await;
        Self { platform, _vendor: vendor, admin, token, http: reqwest::Client::new() }
    }

    /// A request's row in the usage log.
    async fn ask(&self) -> Value {
        let url = format!("{}/api/v1/{VENDOR}/chat/completions", self.platform.url);
        let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "ping"}]});
        let answer =
            self.http.post(url).bearer_auth(&self.token).json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.text().await);
        let id = answer.headers()["x-clawplane-request-id"].to_str().expect("an id").to_owned();
        wait::until("the request in the log", 30, || async {
            let rows = self.log().await;
            rows.iter().find(|row| row["requestId"] == json!(id)).cloned().ok_or(rows)
        })
        .await
    }

    async fn log(&self) -> Vec<Value> {
        let page = self.admin.get("/api/bot/scout/usage/logs?limit=200").await;
        page["items"].as_array().cloned().unwrap_or_default()
    }

    /// Asks until a request arrives that is charged by `version`; those that arrived later than a second after `since`
    /// have to be. Gives the charged one's row.
    async fn charged_by(&self, version: &Value, since: Instant) -> Value {
        loop {
            let arrived = since.elapsed();
            let row = self.ask().await;
            if row["priceVersion"] == *version {
                return row;
            }
            assert!(arrived < SOON, "after {arrived:?}: {row}");
        }
    }
}

fn price(input: u64) -> Value {
    json!({"vendor": VENDOR, "model": MODEL, "rates": {
        "inputMicros": input, "cachedInputMicros": 111_111, "outputMicros": 1_100_001, "reasoningMicros": 2_200_000,
        "requestMicros": 3,
    }})
}

/// Millionths of micro-dollars, rounded up.
fn expected(input: u64) -> u64 {
    let tokens = (INPUT - CACHED) * input
        + CACHED * 111_111
        + (OUTPUT - REASONING) * 1_100_001
        + REASONING * 2_200_000;
    3 + tokens.div_ceil(1_000_000)
}

#[tokio::test]
async fn an_unknown_model_costs_null_until_an_administrator_says_what_it_costs() {
    let scene = Scene::set().await;
    let unknown = scene.ask().await;
    assert_eq!((&unknown["costMicros"], &unknown["priceVersion"]), (&Value::Null, &Value::Null), "{unknown}");
    // Nothing is known of the sum, which is not zero.
    let stats = scene.admin.stats("scout", 1).await;
    assert_eq!((&stats["costMicros"], &stats["unpricedRequests"]), (&Value::Null, &json!(1)), "{stats}");

    let added = scene.admin.post("/api/price", &price(440_000)).await;
    let since = Instant::now();
    let row = scene.charged_by(&added["version"], since).await;
    assert_eq!(row["costMicros"], json!(expected(440_000)), "{row}");

    let path = format!("/api/price/{}", added["id"].as_str().expect("an id"));
    let (status, changed) = scene.admin.send(Method::PUT, &path, Some(&price(550_000))).await;
    let since = Instant::now();
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_ne!(changed["version"], added["version"]);
    let row = scene.charged_by(&changed["version"], since).await;
    assert_eq!(row["costMicros"], json!(expected(550_000)), "{row}");

    let (status, _) = scene.admin.send(Method::DELETE, &path, None).await;
    let since = Instant::now();
    assert_eq!(status, StatusCode::NO_CONTENT);
    let row = scene.charged_by(&Value::Null, since).await;
    assert_eq!(row["costMicros"], Value::Null, "{row}");

    nothing_recorded_has_changed(&scene, &unknown, &added, &changed).await;
}

/// The log has every request with the price of its time, and the sums say how many have none.
async fn nothing_recorded_has_changed(scene: &Scene, unknown: &Value, added: &Value, changed: &Value) {
    let log = scene.log().await;
    assert_eq!(log.last(), Some(unknown), "the first request is as it was recorded");
    let (mut sum, mut unpriced) = (0, 0);
    for row in &log {
        let cost = match &row["priceVersion"] {
            version if *version == added["version"] => Some(expected(440_000)),
            version if *version == changed["version"] => Some(expected(550_000)),
            version => {
                assert_eq!(version, &Value::Null, "{row}");
                None
            }
        };
        assert_eq!(row["costMicros"], json!(cost), "{row}");
        sum += cost.unwrap_or(0);
        unpriced += u64::from(cost.is_none());
    }
    assert!(sum > 0 && unpriced >= 2, "{log:?}");
    let stats = scene.admin.stats("scout", log.len()).await;
    assert_eq!(
        (&stats["costMicros"], &stats["unpricedRequests"]),
        (&json!(sum), &json!(unpriced)),
        "{stats}"
    );
}
