//! Running it: start, stop, crash, no Docker, projections from the command line.

use clawplane_tests::{FakeVendor, Platform, platform};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{process::Command, time::Duration};

#[tokio::test]
async fn without_docker_everything_else_works_and_starting_a_bot_answers_503() {
    let vendor = FakeVendor::start().await;
    let env = [("DOCKER_HOST", "unix:///nonexistent/docker.sock")];
    let mut platform = Platform::start_with(&[vendor.addr.to_string()], &env, &[]).await;
    let admin = platform.admin().await;
    admin.add_bot("scout").await;
    let (status, body) = admin.send(Method::POST, "/api/bot/scout/start", None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    let detail = body["detail"].as_str().expect("a detail");
    assert!(detail.contains("Docker"), "it says why: {body}");
    assert_eq!(admin.get("/api/bot/scout").await["desired"], json!("stopped"), "nothing was promised");
    let health = admin.get("/api/health").await;
    assert!(health.to_string().contains("nonexistent"), "{health}");
    // A bot that has no container is gone without an engine too.
    let (status, _) = admin.send(Method::DELETE, "/api/bot/scout", None).await;
    assert!(status.is_success());
    assert!(platform.stop() < Duration::from_secs(10));
}

#[tokio::test]
async fn projections_are_listed_and_rebuilt_beside_the_live_ones() {
    let vendor = FakeVendor::start().await;
    let platform = Platform::start(&[vendor.addr.to_string()]).await;
    let admin = platform.admin().await;
    admin.add_key("openai", "sk-x", &format!("{}/v1", vendor.url())).await;
    let token = admin.add_bot("scout").await;
    let call = format!("{}/api/v1/openai/chat/completions", platform.url);
    for _ in 0..5 {
        let body = json!({"model": "gpt-4o-mini", "messages": []});
        let request = reqwest::Client::new().post(&call).bearer_auth(&token).json(&body);
        assert_eq!(request.send().await.expect("an answer").status(), StatusCode::OK);
    }
    admin.usage("scout", 5).await;
    let before = counts(admin.stats("scout", 5).await);

    let listed = clawplane(&platform, &["projection", "list"]);
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for name in
        ["bots", "bot_configs", "hosts", "provider_keys", "prices", "usage_log", "usage_rollups", "audit"]
    {
        assert!(names.contains(&name), "{listed}");
        clawplane(&platform, &["projection", "rebuild", name]);
    }
    assert_eq!(counts(admin.stats("scout", 5).await), before);
    assert_eq!(admin.usage("scout", 5).await.len(), 5);
    // They go on following.
    admin.add_bot("second").await;
    admin.get("/api/bot/second").await;
}

/// Without the window, which ends now.
fn counts(mut stats: Value) -> Value {
    let fields = stats.as_object_mut().expect("an object");
    fields.retain(|name, _| name != "from" && name != "to");
    stats
}

fn clawplane(platform: &Platform, args: &[&str]) -> String {
    let output = Command::new(platform::binary())
        .args(args)
        .args(["--data-dir", &platform.data_dir().display().to_string()])
        .output()
        .expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn every_problem_of_the_configuration_is_reported_at_once() {
    let output = Command::new(platform::binary())
        .args(["serve", "--role", "api"])
        .env_clear()
        .env("DATABASE_URL", "not a url")
        .env("BOT_PORT_START", "99999")
        .env("CLAWPLANE_UPSTREAM_ALLOW", "nonsense entry")
        .env("CLAWPLANE_NO_SUCH_THING", "1")
        .env("BOT_MASTER_KEY", "tooshort-and-secret")
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    let report = String::from_utf8_lossy(&output.stderr);
    for name in [
        "DATABASE_URL",
        "BOT_PORT_START",
        "CLAWPLANE_UPSTREAM_ALLOW",
        "CLAWPLANE_NO_SUCH_THING",
        "BOT_MASTER_KEY",
    ] {
        assert!(report.contains(name), "{name} is missing in:\n{report}");
    }
    assert!(!report.contains("tooshort-and-secret"), "{report}");
}
