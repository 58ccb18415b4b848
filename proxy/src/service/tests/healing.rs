//! Keys come back, and all proxies, restarted ones too, agree on which are down.

use super::{keys::*, *};
use clawplane_domain::{provider_key::KeyCommand, sealed::bound_to_key};

/// The vendor takes nothing but `sk-new`.
fn picky(heard: &fake::Heard) -> Script {
    if key_of(heard) == "sk-new" { Script::json(ANSWER) } else { error(401) }
}

/// Complaint 7 of the peers' users: all keys disabled and never healed.
#[tokio::test]
async fn a_rotated_and_enabled_key_is_back() {
    let stage = Stage::new(picky).await;
    let key = stage.openai("sk-old");
    stage.followed().await;
    assert_eq!(stage.chat().await.status, 401);
    assert_eq!(Stage::code(&stage.chat().await), "no_healthy_key");
    stage.world.wait_for_history(key, &["added", "disabled"]).await;
    let sealed = crate::testing::seal("sk-new", &bound_to_key(stage.tenant, key));
    stage.world.command_key(key, KeyCommand::Rotate(sealed), None);
    stage.followed().await;
    assert_eq!(Stage::code(&stage.chat().await), "no_healthy_key", "another secret alone does not enable it");
    stage.world.command_key(key, KeyCommand::Enable, None);
    stage.followed().await;
    assert_eq!(stage.chat().await.status, 200);
    assert_eq!(stage.shown(), ["sk-old", "sk-new"]);
}

/// The answer to a request with the old secret comes after the rotation: the new one is not disabled by it.
#[tokio::test]
async fn the_failure_of_a_rotated_secret_is_not_the_new_ones() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let closed = Arc::clone(&gate);
    let script = move |heard: &fake::Heard| match key_of(heard) {
        "sk-new" => Script::json(ANSWER),
        _ => Script { gate: Some(Arc::clone(&closed)), ..error(401) },
    };
    let stage = Arc::new(Stage::new(script).await);
    let key = stage.openai("sk-old");
    stage.followed().await;
    let asking = Arc::clone(&stage);
    let late = tokio::spawn(async move { asking.chat().await.status });
    stage.vendor.arrival().await;
    let sealed = crate::testing::seal("sk-new", &bound_to_key(stage.tenant, key));
    stage.world.command_key(key, KeyCommand::Rotate(sealed), None);
    stage.followed().await;
    gate.notify_one();
    assert_eq!(late.await.unwrap(), 401);
    assert_eq!(stage.chat().await.status, 200);
    stage.stop().await;
    assert_eq!(stage.world.history(key), ["added", "rotated"]);
}

#[tokio::test]
async fn another_proxy_and_a_restarted_one_know_what_this_one_saw() {
    let stage = Stage::new(|_| limited("60")).await;
    let key = stage.openai("sk-a");
    let other = tempfile::tempdir().unwrap();
    let config = |dir: &TempDir| {
        let mut config = ProxyConfig::new(dir.path());
        config.upstream_allow = stage.vendor.address.to_string().parse().unwrap();
        config
    };
    let (proxy, address, wakeup, cancel, tasks) = start(config(&other), &stage.world, &stage.clock).await;
    stage.followed().await;
    assert_eq!(stage.chat().await.status, 429);
    stage.world.wait_for_history(key, &["added", "cooled"]).await;
    wakeup.ring();
    let ask = async |address: SocketAddr| {
        let request = Request::post(format!("http://{address}/api/v1/openai/chat/completions"));
        let request =
            request.header("authorization", "Bearer tok").header("content-type", "application/json");
        let client =
            crate::connect::client("127.0.0.0/8".parse().unwrap(), Duration::from_secs(5), &[]).unwrap();
        client.request(request.body(held(CHAT)).unwrap()).await.unwrap().status().as_u16()
    };
    let vendor = crate::vendors::find("openai").unwrap();
    let followed = async {
        while proxy.inner.directory.load().keys(stage.tenant, vendor).unwrap().keys()[0].health.is_free() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), followed).await.unwrap();
    assert_eq!(ask(address).await, 503);
    cancel.cancel();
    tasks.close();
    tasks.wait().await;
    drop(proxy);
    let third = tempfile::tempdir().unwrap();
    let (_proxy, address, _, cancel, tasks) = start(config(&third), &stage.world, &stage.clock).await;
    assert_eq!(ask(address).await, 503, "a restart forgets nothing");
    assert_eq!(stage.vendor.heard().len(), 1);
    stage.clock.set("2026-11-20T12:01:00Z");
    assert_eq!(ask(address).await, 429, "and its time passes there, too");
    cancel.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn news_wait_for_the_database_and_the_data_path_does_not() {
    let stage = Stage::new(bad(|| error(401))).await;
    let bad = stage.openai("sk-bad");
    stage.openai("sk-good");
    stage.followed().await;
    stage.world.down.store(true, std::sync::atomic::Ordering::SeqCst);
    for _ in 0..4 {
        assert_eq!(stage.chat().await.status, 200);
    }
    assert_eq!(stage.shown().iter().filter(|key| *key == "sk-bad").count(), 1);
    assert_eq!(stage.world.history(bad), ["added"]);
    stage.world.down.store(false, std::sync::atomic::Ordering::SeqCst);
    stage.world.wait_for_history(bad, &["added", "disabled"]).await;
}
