//! A client that goes away: its request is cancelled at the vendor, or read to its end, as the key says.

use super::*;
use clawplane_domain::provider_key::OnDisconnect;
use fake::{End, Heard};
use http_body_util::Full;
use tokio::sync::Notify;

/// A stage whose keys have this policy, with a vendor that streams and waits for the bell before each further piece.
async fn stage(policy: OnDisconnect, change: impl FnOnce(&mut ProxyConfig)) -> (Stage, Arc<Notify>) {
    let bell = Arc::new(Notify::new());
    let held_back = Arc::clone(&bell);
    let script = move |heard: &Heard| {
        let text = crate::meter::tests::CHAT;
        let cut = text.find(": a comment").unwrap();
        let pieces = [&text[..cut], &text[cut..]].map(|piece| Bytes::from_static(piece.as_bytes()));
        let script = Script::of("text/event-stream", pieces.into());
        let bell = Some(Arc::clone(&held_back));
        if heard.headers.contains_key("x-late-head") {
            Script { gate: bell, ..script }
        } else {
            Script { step: bell, ..script }
        }
    };
    let stage = Stage::with(script, change).await;
    *stage.world.on_disconnect.lock().unwrap() = policy;
    stage.key("openai", "").await;
    (stage, bell)
}

/// A request straight into the proxy, so that going away is dropping and takes no time.
fn request(name: &str) -> Request<Full<Bytes>> {
    let request = Request::post("/api/v1/openai/chat/completions").header("authorization", "Bearer tok");
    let request = request.header("content-type", "application/json").header(name, "1");
    request.body(Full::from(CHAT_STREAM)).unwrap()
}

async fn leave_after_the_first_piece(stage: &Stage) {
    let mut response = stage.proxy.handle(request("x-early-head")).await;
    let piece = response.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(piece.starts_with(b"data: "));
}

async fn leave_before_the_head(stage: &Stage) {
    tokio::select! {
        _ = stage.proxy.handle(request("x-late-head")) => panic!("there is no head yet"),
        () = stage.vendor.arrival() => {}
    }
}

#[tokio::test]
async fn drained_requests_are_billed_exactly() {
    let (stage, bell) = stage(OnDisconnect::Drain, |_| {}).await;
    leave_after_the_first_piece(&stage).await;
    bell.notify_one();
    stage.world.wait_for(1).await;
    stage.vendor.arrival().await;
    leave_before_the_head(&stage).await;
    bell.notify_one();
    for usage in stage.world.wait_for(2).await {
        assert_eq!((usage.tokens.input_tokens, usage.tokens.output_tokens), (100, 20), "{usage:?}");
        assert_eq!((usage.status, usage.error.as_deref()), (200, None));
        assert!(!usage.interrupted && !usage.estimated && usage.cost_micros.is_some(), "{usage:?}");
    }
}

#[tokio::test]
async fn cancelled_requests_end_at_the_vendor() {
    let (stage, _bell) = stage(OnDisconnect::Cancel, |_| {}).await;
    leave_after_the_first_piece(&stage).await;
    stage.vendor.cancelled().await;
    stage.vendor.arrival().await;
    leave_before_the_head(&stage).await;
    stage.vendor.cancelled().await;
    for usage in stage.world.wait_for(2).await {
        assert_eq!(usage.error.as_deref(), Some("client_disconnected"));
        assert!(usage.interrupted && usage.estimated, "{usage:?}");
    }
}

#[tokio::test]
async fn draining_is_bounded_by_the_total_time_limit() {
    let total = Duration::from_millis(100);
    let (stage, _bell) = stage(OnDisconnect::Drain, |config| config.timeouts.total = total).await;
    leave_after_the_first_piece(&stage).await;
    stage.vendor.cancelled().await;
    let usage = stage.world.wait_for(1).await.remove(0);
    assert_eq!(usage.error.as_deref(), Some("upstream_total_timeout"));
    assert!(usage.interrupted && usage.estimated, "{usage:?}");
}

#[tokio::test]
async fn a_stop_ends_what_is_being_drained() {
    let (stage, _bell) = stage(OnDisconnect::Drain, |config| config.drain = Duration::from_millis(100)).await;
    leave_after_the_first_piece(&stage).await;
    stage.vendor.arrival().await;
    leave_before_the_head(&stage).await;
    stage.stop().await;
    let usage = stage.world.usage();
    assert_eq!(usage.len(), 2, "what was cut off is recorded too");
    assert!(usage.iter().all(|usage| usage.interrupted && usage.estimated), "{usage:?}");
}

#[tokio::test]
async fn a_vendor_that_breaks_off_while_it_is_drained_is_recorded() {
    let stage = Stage::new(|_| Script::sse("data: {\"choices\":[]}\n\n").ending(End::Broken)).await;
    *stage.world.on_disconnect.lock().unwrap() = OnDisconnect::Drain;
    stage.key("openai", "").await;
    drop(stage.proxy.handle(request("x-any")).await);
    let usage = stage.world.wait_for(1).await.remove(0);
    assert_eq!((usage.error.as_deref(), usage.interrupted), (Some("upstream_interrupted"), true));
}
