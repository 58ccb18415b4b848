//! `kill -9` of the whole platform during traffic: nothing that a vendor served is lost, and nothing counted twice.

use clawplane_tests::{Client, FakeVendor, Platform, wait};
use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::json;
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

const CLIENTS: usize = 24;

#[tokio::test]
async fn every_request_that_a_vendor_served_is_in_the_usage_log_exactly_once() {
    let vendor = FakeVendor::start_paced(Duration::from_millis(20)).await;
    let mut platform = Platform::start(&[vendor.addr.to_string()]).await;
    let admin = platform.admin().await;
    admin.add_key("openai", "sk-crash", &format!("{}/v1", vendor.url())).await;
    let token = admin.add_bot("scout").await;

    // Three times in the midst of streams and plain calls, each time after some have ended and while some go on.
    for round in 1..=3 {
        traffic_until_killed(&mut platform, &vendor, &token, round * 60).await;
        platform.launch().await;
    }
    let admin = platform.admin().await;
    every_request_is_logged_once(&admin, &vendor).await;

    assert!(platform.stop() < Duration::from_secs(10), "it stops in order and in time");
    platform.launch().await;
    every_request_is_logged_once(&platform.admin().await, &vendor).await;
}

async fn traffic_until_killed(platform: &mut Platform, vendor: &FakeVendor, token: &str, enough: usize) {
    let done = AtomicUsize::new(0);
    let url = format!("{}/api/v1/openai/chat/completions", platform.url);
    let http = reqwest::Client::new();
    let call = |n: usize| {
        // The model names the request: the one thing of it that both the vendor and the usage log know.
        let body = json!({"model": format!("request-{enough}-{n}"), "stream": n.is_multiple_of(2),
                          "messages": [{"role": "user", "content": format!("request {n}")}]});
        let request = http.post(&url).bearer_auth(token).json(&body);
        let done = &done;
        async move {
            if let Ok(answer) = request.send().await {
                let _ = answer.text().await;
            }
            done.fetch_add(1, Ordering::Relaxed)
        }
    };
    let mut running: FuturesUnordered<_> = (0..CLIENTS).map(call).collect();
    while let Some(n) = running.next().await {
        running.push(call(n + CLIENTS));
        if vendor.seen().len() >= enough {
            break;
        }
    }
    platform.kill();
}

async fn every_request_is_logged_once(admin: &Client, vendor: &FakeVendor) {
    let served: Vec<String> =
        vendor.seen().iter().map(|seen| seen.body["model"].as_str().expect("a model").to_owned()).collect();
    let served: BTreeSet<&str> = served.iter().map(String::as_str).collect();
    assert_eq!(served.len(), vendor.seen().len(), "the proxy sent a request twice");

    wait::until("all usage to be in the log", 60, || async {
        let logged = logged(admin).await;
        let missing = served.iter().filter(|id| !logged.iter().any(|found| found == **id)).count();
        if missing == 0 { Ok(()) } else { Err(format!("{missing} of {} missing", served.len())) }
    })
    .await;
    let logged = logged(admin).await;
    let distinct: BTreeSet<&String> = logged.iter().collect();
    assert_eq!(distinct.len(), logged.len(), "a request is logged twice");

    let stats = admin.get("/api/bot/scout/usage/stats").await;
    assert_eq!(stats["requests"], json!(logged.len()), "the rollups agree with the log: {stats}");
}

async fn logged(admin: &Client) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = admin.get(&format!("/api/bot/scout/usage/logs?limit=100{cursor}")).await;
        let items = page["items"].as_array().expect("items");
        ids.extend(items.iter().map(|row| row["model"].as_str().expect("a model").to_owned()));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}
