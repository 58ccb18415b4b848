//! Start, stop and crash.

use super::*;
use clawplane_eventstore::{Position, Precedence};
use fake::End;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn it_stops_in_time_with_streams_open_and_records_them() {
    let stage = Stage::with(
        |_| Script::sse("data: {\"choices\":[]}\n\n").ending(End::Hang),
        |config| config.drain = Duration::from_millis(200),
    )
    .await;
    stage.key("openai", "").await;
    let request = stage.post("openai/chat/completions", CHAT_STREAM).header("authorization", "Bearer tok");
    let _response = stage.open(request.body(held(CHAT_STREAM)).unwrap()).await;
    stage.stop().await;
    let usage = stage.world.usage();
    assert_eq!(usage.len(), 1);
    assert!(usage[0].interrupted && usage[0].estimated);
    let left = std::fs::read_dir(stage.spool_dir()).unwrap().map(|file| file.unwrap().path());
    assert!(
        left.into_iter().all(|path| path.extension().is_none_or(|end| end != "seg")),
        "nothing is left over"
    );
}

#[tokio::test]
async fn a_request_in_flight_may_end_while_it_stops() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let closed = Arc::clone(&gate);
    let script = move |_: &fake::Heard| Script { gate: Some(Arc::clone(&closed)), ..Script::json(ANSWER) };
    let stage = Arc::new(Stage::new(script).await);
    stage.key("openai", "").await;
    let asking = Arc::clone(&stage);
    let answer = tokio::spawn(async move { asking.ask("openai/chat/completions", CHAT).await });
    stage.vendor.arrival().await;
    stage.cancel.cancel();
    gate.notify_one();
    assert_eq!(answer.await.unwrap().status, 200);
    stage.stop().await;
    let usage = stage.world.usage();
    assert_eq!((usage.len(), usage[0].tokens.input_tokens), (1, 1000), "and is stored before it has stopped");
}

#[tokio::test]
async fn after_a_crash_every_request_is_there_once() {
    let mut stage = Stage::new(|heard| {
        let script = Script::sse("data: {\"choices\":[{\"delta\":{\"content\":\"1234\"}}]}\n\n");
        if heard.body.starts_with(b"{\"hang") { script.ending(End::Hang) } else { Script::json(ANSWER) }
    })
    .await;
    stage.key("openai", "").await;
    stage.world.wait_for(0).await;
    // From here on nothing reaches the database.
    stage.world.down.store(true, Ordering::SeqCst);
    for _ in 0..5 {
        assert_eq!(stage.ask("openai/chat/completions", CHAT).await.status, 200);
    }
    let hanging = r#"{"hang":1,"model":"gpt-4o-mini","stream":true}"#;
    let request = stage.post("openai/responses", hanging).header("authorization", "Bearer tok");
    let response = stage.open(request.body(held(hanging)).unwrap()).await;
    // The process dies: what it wrote is there, and nothing of it runs any more.
    let after = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(stage.spool_dir()).unwrap() {
        let path = file.unwrap().path();
        std::fs::copy(&path, after.path().join(path.file_name().unwrap())).unwrap();
    }
    drop(response);
    stage.spool = None;
    let world = Arc::new(World::default());
    let (_, _, _, cancel, tasks) = start(ProxyConfig::new(after.path()), &world, &stage.clock).await;
    let usage = world.wait_for(6).await;
    assert_eq!(usage.len(), 6);
    let (interrupted, whole): (Vec<_>, Vec<_>) = usage.iter().partition(|usage| usage.interrupted);
    assert_eq!((interrupted.len(), whole.len()), (1, 5));
    assert!(interrupted[0].estimated && interrupted[0].cost_micros.is_some(), "{interrupted:?}");
    assert_eq!(interrupted[0].error.as_deref(), Some("proxy_stopped"));
    assert!(whole.iter().all(|usage| usage.tokens.input_tokens == 1000));
    let stored = world.stored();
    assert_eq!(stored.values().next().unwrap(), &[1, 2, 3, 4, 5, 6]);
    cancel.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn the_signal_ends_a_start_that_waits() {
    let world = Arc::new(World::default());
    let spool = tempfile::tempdir().unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let deps = Deps {
        events: world.clone(),
        sink: world.clone(),
        unsealer: world.clone(),
        totals: world.clone(),
        keys: world.clone(),
        quotas: world.clone(),
        clock: Arc::new(ManualClock::new("2026-11-20T12:00:00Z")),
        ids: Arc::new(TestIds),
        wakeup: Wakeup::default(),
        precedence: Precedence::default(),
        cancel,
        tasks: TaskTracker::new(),
    };
    world.down.store(true, Ordering::SeqCst);
    let started = Proxy::start(ProxyConfig::new(spool.path()), deps).await;
    assert!(started.is_err());
}

#[tokio::test]
async fn what_happened_up_to_a_position_can_be_waited_for() {
    let stage = Stage::new(|_| Script::json(ANSWER)).await;
    stage.key("openai", "").await;
    let now = stage.world.head();
    let next = Position { global: now.global + 1, ..now };
    assert!(stage.proxy.caught_up(now, Duration::from_secs(5)).await);
    assert!(!stage.proxy.caught_up(next, Duration::from_millis(20)).await, "nobody has seen that yet");
    let waiting = stage.proxy.caught_up(next, Duration::from_secs(5));
    let issuing = async {
        tokio::task::yield_now().await;
        stage.world.bot(stage.tenant, "tok-2", &[], None);
        stage.wakeup.ring();
    };
    assert!(tokio::join!(waiting, issuing).0);
}
