//! The end of a cool-down: one request tries the key, its outcome is everybody's.

use super::{keys::*, *};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use tokio::sync::Notify;

/// A vendor that answers with what stands in `status`; with a success it waits for the gate.
fn moody(status: &Arc<AtomicU16>, gate: &Arc<Notify>) -> impl Fn(&fake::Heard) -> Script + use<> {
    let (status, gate) = (Arc::clone(status), Arc::clone(gate));
    move |_| match status.load(Ordering::SeqCst) {
        200 => Script { gate: Some(Arc::clone(&gate)), ..Script::json(ANSWER) },
        status => error(status),
    }
}

#[tokio::test]
async fn of_fifty_requests_at_once_one_tries_the_key() {
    let (status, gate) = (Arc::new(AtomicU16::new(500)), Arc::new(Notify::new()));
    let stage = Arc::new(Stage::new(moody(&status, &gate)).await);
    let key = stage.openai("sk-a");
    stage.followed().await;
    assert_eq!(stage.chat().await.status, 500);
    status.store(200, Ordering::SeqCst);
    stage.clock.set("2026-11-20T12:00:01Z");
    let refused = Arc::new(AtomicUsize::new(0));
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let (stage, gate, refused) = (Arc::clone(&stage), Arc::clone(&gate), Arc::clone(&refused));
            tokio::spawn(async move {
                let got = stage.chat().await;
                if got.status == 503 {
                    assert_eq!(
                        (Stage::code(&got).as_str(), &got.headers["retry-after"]),
                        ("no_healthy_key", &"1".parse().unwrap())
                    );
                    // The probe is answered when all others were.
                    if refused.fetch_add(1, Ordering::SeqCst) == 48 {
                        gate.notify_one();
                    }
                }
                got.status.as_u16()
            })
        })
        .collect();
    let mut statuses = Vec::new();
    for asked in asking {
        statuses.push(asked.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!(stage.vendor.heard().len(), 2, "the failure and the probe");
    stage.world.wait_for_history(key, &["added", "cooled", "recovered"]).await;
    gate.notify_one();
    assert_eq!(stage.chat().await.status, 200, "and it is back");
    assert_eq!(stage.world.wait_for(52).await.len(), 52);
}

/// Complaint 7 of the peers' users: a cool-down that is never extended, a cooled-down key that is still served.
#[tokio::test]
async fn a_failed_probe_extends_the_cool_down_and_nothing_is_served_in_it() {
    let (status, gate) = (Arc::new(AtomicU16::new(503)), Arc::new(Notify::new()));
    let stage = Stage::new(moody(&status, &gate)).await;
    let key = stage.openai("sk-a");
    stage.followed().await;
    assert_eq!(stage.chat().await.status, 503);
    // 1 s, then 2, then 4: at 1, 3 and 7 s after noon.
    for (heard, before, due) in [(1, "00.999", "01"), (2, "02.999", "03"), (3, "06.999", "07")] {
        stage.clock.set(&format!("2026-11-20T12:00:{before}Z"));
        for _ in 0..20 {
            assert_eq!(Stage::code(&stage.chat().await), "no_healthy_key");
        }
        assert_eq!(stage.vendor.heard().len(), heard, "not served before its time");
        stage.clock.set(&format!("2026-11-20T12:00:{due}Z"));
        assert_eq!(Stage::code(&stage.chat().await), "", "the probe gets the vendor's answer");
        assert_eq!(Stage::code(&stage.chat().await), "no_healthy_key", "and fails");
    }
    stage.world.wait_for_history(key, &["added", "cooled", "cooled", "cooled", "cooled"]).await;
    status.store(200, Ordering::SeqCst);
    gate.notify_one();
    stage.clock.set("2026-11-20T12:00:15Z");
    assert_eq!(stage.chat().await.status, 200);
    let history = ["added", "cooled", "cooled", "cooled", "cooled", "recovered"];
    stage.world.wait_for_history(key, &history).await;
}

#[tokio::test]
async fn a_probe_whose_client_goes_away_lets_the_next_one_try() {
    let (status, gate) = (Arc::new(AtomicU16::new(500)), Arc::new(Notify::new()));
    let stage = Stage::new(moody(&status, &gate)).await;
    stage.openai("sk-a");
    stage.followed().await;
    assert_eq!(stage.chat().await.status, 500);
    stage.vendor.arrival().await;
    status.store(200, Ordering::SeqCst);
    stage.clock.set("2026-11-20T12:00:01Z");
    {
        let request = stage.post("openai/chat/completions", CHAT).header("authorization", "Bearer tok");
        let waiting = stage.client.request(request.body(held(CHAT)).unwrap());
        tokio::select! {
            _ = waiting => panic!("the gate is closed"),
            () = stage.vendor.arrival() => {}
        }
    }
    stage.world.wait_for(2).await;
    gate.notify_one();
    gate.notify_one();
    assert_eq!(stage.chat().await.status, 200);
}

#[tokio::test]
async fn many_failures_at_once_are_one_event() {
    let stage = Arc::new(Stage::new(|_| error(500)).await);
    let key = stage.openai("sk-a");
    stage.followed().await;
    let asking: Vec<_> = (0..100)
        .map(|_| {
            let stage = Arc::clone(&stage);
            tokio::spawn(async move { stage.chat().await.status.as_u16() })
        })
        .collect();
    for asked in asking {
        assert!([500, 503].contains(&asked.await.unwrap()));
    }
    stage.world.wait_for(100).await;
    stage.stop().await;
    assert_eq!(stage.world.history(key), ["added", "cooled"]);
}
