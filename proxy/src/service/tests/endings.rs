//! Every way in which a request can end, and what is recorded then.

use super::*;
use fake::End;

const PIECE: &str =
    "data: {\"model\":\"gpt-4o-mini\",\"choices\":[{\"delta\":{\"content\":\"12345678\"}}]}\n\n";

/// Reads one frame, then goes away.
async fn hang_up(stage: &Stage, body: &str, wanted: &str) {
    let request = stage.post("openai/chat/completions", body).header("authorization", "Bearer tok");
    let mut response = stage.open(request.body(held(body)).unwrap()).await;
    let mut seen = Vec::new();
    while !seen.ends_with(wanted.as_bytes()) {
        let frame =
            tokio::time::timeout(Duration::from_secs(5), response.frame()).await.unwrap().unwrap().unwrap();
        seen.extend_from_slice(&frame.into_data().unwrap());
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_the_vendor_and_pays_what_was_used() {
    let stage = Stage::new(|_| Script::sse(PIECE).ending(End::Hang)).await;
    stage.key("openai", "").await;
    hang_up(&stage, CHAT_STREAM, PIECE).await;
    stage.vendor.cancelled().await;
    let usage = stage.world.wait_for(1).await.remove(0);
    assert!(usage.interrupted && usage.estimated && usage.stream, "{usage:?}");
    assert_eq!(usage.error.as_deref(), Some("client_disconnected"));
    assert_eq!((usage.status, usage.tokens.output_tokens), (200, 2));
    assert_eq!(usage.tokens.input_tokens, CHAT_STREAM.len().div_ceil(4) as u64);
    assert!(usage.cost_micros.is_some() && usage.key_id.is_some() && usage.ttfb_ms.is_some());
}

#[tokio::test]
async fn hanging_up_after_done_is_no_interruption() {
    let text = crate::meter::tests::CHAT;
    let stage = Stage::new(move |_| Script::sse(text).ending(End::Hang)).await;
    stage.key("openai", "").await;
    hang_up(&stage, CHAT_STREAM, "data: [DONE]\n\n").await;
    let usage = stage.world.wait_for(1).await.remove(0);
    assert!(!usage.interrupted && !usage.estimated && usage.error.is_none(), "{usage:?}");
    assert_eq!((usage.tokens.input_tokens, usage.tokens.output_tokens), (100, 20));
}

#[tokio::test]
async fn a_client_that_does_not_wait_for_the_head_is_499() {
    let stage = Stage::new(|_| Script { silent: true, ..Script::json("") }).await;
    stage.key("openai", "").await;
    let request = stage.post("openai/chat/completions", CHAT).header("authorization", "Bearer tok");
    let waiting = stage.client.request(request.body(held(CHAT)).unwrap());
    tokio::select! {
        _ = waiting => panic!("there is no answer"),
        () = stage.vendor.arrival() => {}
    }
    stage.vendor.cancelled().await;
    let usage = stage.world.wait_for(1).await.remove(0);
    assert_eq!((usage.status, usage.error.as_deref()), (499, Some("client_disconnected")));
    assert!(usage.interrupted && usage.estimated && usage.tokens.input_tokens > 0, "{usage:?}");
}

#[tokio::test]
async fn an_error_inside_a_stream_is_recorded() {
    let stage = Stage::new(|_| {
        Script::sse(&format!("{PIECE}data: {{\"error\":{{\"message\":\"overloaded\"}}}}\n\n"))
    })
    .await;
    stage.key("openai", "").await;
    assert_eq!(stage.ask("openai/chat/completions", CHAT_STREAM).await.status, 200);
    let usage = stage.world.wait_for(1).await.remove(0);
    assert_eq!((usage.status, usage.error.as_deref()), (200, Some("upstream_error")));
    assert!(usage.interrupted && usage.estimated);
}

#[tokio::test]
async fn a_vendor_that_breaks_off_is_recorded() {
    let stage = Stage::new(|_| Script::sse(PIECE).ending(End::Broken)).await;
    stage.key("openai", "").await;
    let request = stage.post("openai/chat/completions", CHAT_STREAM).header("authorization", "Bearer tok");
    let response = stage.open(request.body(held(CHAT_STREAM)).unwrap()).await;
    assert!(response.into_body().collect().await.is_err(), "the client sees it too");
    let usage = stage.world.wait_for(1).await.remove(0);
    assert_eq!((usage.error.as_deref(), usage.tokens.output_tokens), (Some("upstream_interrupted"), 2));
    assert!(usage.interrupted && usage.estimated);
}

#[tokio::test]
async fn a_vendors_error_passes_and_costs_nothing() {
    let stage = Stage::new(|_| {
        let mut script = Script::json(r#"{"error":{"message":"slow down"}}"#);
        script.status = 429;
        script.headers.push(("retry-after", "7".to_owned()));
        script
    })
    .await;
    stage.key("openai", "").await;
    let got = stage.ask("openai/chat/completions", CHAT).await;
    assert_eq!((got.status.as_u16(), &got.headers["retry-after"]), (429, &"7".parse().unwrap()));
    assert_eq!(got.json()["error"]["message"], "slow down");
    let usage = stage.world.wait_for(1).await.remove(0);
    assert_eq!(
        (usage.status, usage.tokens.total(), usage.cost_micros, usage.estimated),
        (429, 0, Some(0), false)
    );
}

#[tokio::test]
async fn a_silent_vendor_has_its_time_limits() {
    let short = Duration::from_millis(60);
    let silent =
        Stage::with(|_| Script { silent: true, ..Script::json("") }, |c| c.timeouts.first_byte = short).await;
    silent.key("openai", "").await;
    let got = silent.ask("openai/chat/completions", CHAT).await;
    assert_eq!(
        (got.status.as_u16(), &got.json()["error"]["code"]),
        (504, &"upstream_first_byte_timeout".into())
    );
    let usage = silent.world.wait_for(1).await.remove(0);
    assert!(usage.interrupted && usage.estimated && usage.tokens.input_tokens > 0, "{usage:?}");
    for (change, code) in [
        (
            Box::new(move |config: &mut ProxyConfig| config.timeouts.idle = short)
                as Box<dyn FnOnce(&mut ProxyConfig)>,
            "upstream_idle_timeout",
        ),
        (
            Box::new(move |config: &mut ProxyConfig| config.timeouts.total = short * 4),
            "upstream_total_timeout",
        ),
    ] {
        let stage = Stage::with(|_| Script::sse(PIECE).ending(End::Hang), change).await;
        stage.key("openai", "").await;
        let request =
            stage.post("openai/chat/completions", CHAT_STREAM).header("authorization", "Bearer tok");
        let response = stage.open(request.body(held(CHAT_STREAM)).unwrap()).await;
        assert!(response.into_body().collect().await.is_err());
        stage.vendor.cancelled().await;
        assert_eq!(stage.world.wait_for(1).await[0].error.as_deref(), Some(code));
    }
}

#[tokio::test]
async fn a_vendor_that_is_not_there_is_502() {
    let stage =
        Stage::with(|_| Script::json(""), |config| config.upstream_allow = "127.0.0.0/8".parse().unwrap())
            .await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    stage.world.key(stage.tenant, "openai", "sk", Some(&format!("http://{nobody}")));
    stage.followed().await;
    let got = stage.ask("openai/chat/completions", CHAT).await;
    assert_eq!((got.status.as_u16(), &got.json()["error"]["code"]), (502, &"upstream_unreachable".into()));
    let usage = stage.world.wait_for(1).await.remove(0);
    assert_eq!((usage.status, usage.tokens.total(), usage.interrupted), (502, 0, false));
}
