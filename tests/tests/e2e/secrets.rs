//! A person's secret is nowhere but in the proxy's memory: not in the data folder, the database, the logs.

use clawplane_tests::{FakeVendor, Platform, platform::ADMIN_PASSWORD};
use reqwest::Method;
use serde_json::json;
use std::{fs, path::Path};

const SECRET: &str = "sk-very-secret-0123456789-abcdefghij";

#[tokio::test]
async fn a_secret_typed_in_is_found_nowhere_afterwards() {
    let vendor = FakeVendor::start().await;
    let mut platform =
        Platform::start_with(&[vendor.addr.to_string()], &[("CLAWPLANE_LOG", "debug")], &[]).await;
    let admin = platform.admin().await;
    let url = format!("{}/v1", vendor.url());
    let id = admin.add_key("openai", SECRET, &url).await;
    let token = admin.add_bot("scout").await;

    // Through every answer that could repeat it, bad ones too.
    let mut answers = Vec::new();
    for path in ["/api/provider-key", "/api/provider-key/health", "/api/audit?limit=200", "/api/bot/scout"] {
        answers.push(admin.get(path).await.to_string());
    }
    for body in [
        json!({"vendor": "nobody", "secret": SECRET, "label": "x"}),
        json!({"vendor": "openai", "secret": SECRET, "label": "x", "surprise": SECRET}),
        json!({"vendor": "openai", "secret": format!("{SECRET}\n"), "label": "x"}),
        json!({"vendor": "openai", "secret": {"nested": SECRET}, "label": "x"}),
        json!({"vendor": "openai", "secret": SECRET, "label": "x", "baseUrl": "http://169.254.169.254/"}),
    ] {
        let (status, answer) = admin.send(Method::POST, "/api/provider-key", Some(&body)).await;
        assert!(status.is_client_error(), "{status} {answer}");
        answers.push(answer.to_string());
    }
    // Through the proxy, well and badly.
    let call = format!("{}/api/v1/openai/chat/completions", platform.url);
    let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "ping"}]});
    let answer =
        reqwest::Client::new().post(&call).bearer_auth(&token).json(&body).send().await.expect("an answer");
    answers.push(format!("{:?}", answer.headers()));
    answers.push(answer.text().await.expect("a body"));
    admin.usage("scout", 1).await;
    assert!(vendor.seen().iter().any(|seen| format!("{seen:?}").contains(SECRET)), "the vendor alone got it");

    let (status, _) = admin.send(Method::DELETE, &format!("/api/provider-key/{id}"), None).await;
    assert!(status.is_success());
    for answer in &answers {
        assert!(!answer.contains(SECRET), "{answer}");
    }
    // Everything is on disk after an orderly stop: Postgres's files, NATS's, the spool, the bots' folders.
    platform.stop();
    for needle in [SECRET, ADMIN_PASSWORD] {
        assert!(!platform.log().contains(needle), "in the log");
        search(&platform.data_dir(), needle.as_bytes());
    }
}

fn search(folder: &Path, needle: &[u8]) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            search(&path, needle);
        } else if kind.is_file() {
            let bytes = fs::read(&path).expect("a file");
            let found = bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!found, "the secret is in {}", path.display());
        }
    }
}
