//! Quotas, sizes and the full spool.

use super::*;
use clawplane_domain::quota::QuotaLimits;
use futures::stream;
use http_body::Frame;
use http_body_util::StreamBody;

#[tokio::test]
async fn a_quota_that_is_used_up_is_429_until_the_next_day() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "").await;
    let limits = QuotaLimits { daily_tokens: Some(1500), ..QuotaLimits::default() };
    stage.world.quota(stage.tenant, stage.bot, limits);
    stage.followed().await;
    assert_eq!(stage.ask("openai/chat/completions", CHAT).await.status, 200);
    assert_eq!(stage.ask("openai/chat/completions", CHAT).await.status, 200, "400 tokens were left");
    let got = stage.ask("openai/chat/completions", CHAT).await;
    assert_eq!((got.status.as_u16(), &got.json()["error"]["code"]), (429, &"quota_exceeded".into()));
    assert_eq!(got.headers["retry-after"], (12 * 3600).to_string());
    assert_eq!(got.headers["x-should-retry"], "false");
    assert!(got.json()["error"]["message"].as_str().unwrap().contains("dailyTokens"));
    assert_eq!(stage.vendor.heard().len(), 2);
    let usage = stage.world.wait_for(3).await;
    let refused = usage.iter().find(|usage| usage.status == 429).unwrap();
    assert_eq!(
        (refused.error.as_deref(), refused.key_id, refused.cost_micros),
        (Some("quota_exceeded"), None, Some(0))
    );
    stage.clock.set("2026-11-21T00:00:00Z");
    assert_eq!(stage.ask("openai/chat/completions", CHAT).await.status, 200);
}

#[tokio::test]
async fn money_is_limited_too() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "").await;
    // The answer costs 210 micro-dollars.
    let limits = QuotaLimits { monthly_cost_micros: Some(210), ..QuotaLimits::default() };
    stage.world.quota(stage.tenant, stage.bot, limits);
    stage.followed().await;
    assert_eq!(stage.ask("openai/chat/completions", CHAT).await.status, 200);
    let got = stage.ask("openai/chat/completions", CHAT).await;
    assert_eq!(got.status, 429);
    assert!(got.json()["error"]["message"].as_str().unwrap().contains("monthlyCostMicros"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413() {
    let stage = Stage::with(|_| Script::json(ANSWER), |config| config.max_body = 1000).await;
    stage.key("openai", "").await;
    let large = format!(r#"{{"model":"m","x":"{}"}}"#, "x".repeat(2000));
    let got = stage.ask("openai/chat/completions", &large).await;
    assert_eq!((got.status.as_u16(), &got.json()["error"]["code"]), (413, &"request_too_large".into()));
    for kind in ["application/json", "multipart/form-data; boundary=x"] {
        let piece = |_| Ok::<_, crate::ports::BoxError>(Frame::data(Bytes::from_static(&[b' '; 100])));
        let pieces = stream::iter((0..30).map(piece));
        let body = UpstreamBody::streamed(StreamBody::new(pieces), u64::MAX);
        let request = Request::post(format!("http://{}/api/v1/openai/files", stage.address));
        let request = request.header("content-type", kind).header("authorization", "Bearer tok");
        assert_eq!(stage.send(request.body(body).unwrap()).await.status.as_u16(), 413, "{kind}");
    }
    assert!(stage.vendor.heard().iter().all(|heard| heard.body.len() <= 1000));
}

#[tokio::test]
async fn what_is_no_json_is_passed_on_as_it_comes() {
    let stage = Stage::new(|_| Script::json(r#"{"id":"file"}"#)).await;
    stage.key("openai", "").await;
    let form = "--x\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n{\"model\":\"no\"}\r\n--x--\r\n";
    let request = stage.post("openai/files", form).header("authorization", "Bearer tok");
    let mut request = request.body(held(form)).unwrap();
    request.headers_mut().insert("content-type", "multipart/form-data; boundary=x".parse().unwrap());
    assert_eq!(stage.send(request).await.status, 200);
    let heard = stage.vendor.last();
    assert_eq!((heard.method, &heard.body[..]), (http::Method::POST, form.as_bytes()));
    assert_eq!(heard.headers["content-type"], "multipart/form-data; boundary=x");
    let usage = stage.world.wait_for(1).await.remove(0);
    assert_eq!((usage.tokens.total(), usage.estimated, usage.model), (0, false, None));
}

#[tokio::test]
async fn without_a_spool_nothing_goes_upstream() {
    let stage = Stage::with(|_| Script::json(ANSWER), |config| config.spool_max_bytes = 0).await;
    stage.key("openai", "").await;
    let got = stage.ask("openai/chat/completions", CHAT).await;
    assert_eq!((got.status.as_u16(), &got.json()["error"]["code"]), (503, &"spool_unavailable".into()));
    assert!(stage.vendor.heard().is_empty());
}

#[tokio::test]
async fn memory_for_bodies_is_bounded() {
    let stage = Stage::with(|_| Script::json(ANSWER), |config| config.max_buffered = 10).await;
    stage.key("openai", "").await;
    let got = stage.ask("openai/chat/completions", CHAT).await;
    assert_eq!((got.status.as_u16(), &got.json()["error"]["code"]), (503, &"overloaded".into()));
    assert_eq!(
        stage.ask("openai/chat/completions", "{}").await.status,
        200,
        "what was refused is given back"
    );
}
