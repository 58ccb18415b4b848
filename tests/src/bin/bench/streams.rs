//! Many slow streams at once: what the proxy adds to each chunk, and what a stream costs in memory.
//!
//! The vendor writes the moment at which it sends into each chunk; vendor and clients share one process, so one clock.

use crate::memory;
use axum::{
    Router,
    body::Body,
    http::header,
    response::{IntoResponse, Response},
    routing::post,
};
use clawplane_tests::{Client, Platform};
use futures::{StreamExt, stream};
use serde_json::json;
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use tokio::{
    net::TcpListener,
    sync::{Barrier, Semaphore},
    task::JoinSet,
};

/// Streams at once.
const STREAMS: usize = 2000;
/// Chunks of each, this far apart: 4,000 chunks a second in all.
const CHUNKS: usize = 24;
const PACE: Duration = Duration::from_millis(500);
/// Connections that are opened at once, so that no queue of the kernel's overflows.
const OPENING: usize = 64;

/// A vendor that streams slowly, on a free port.
pub(crate) async fn vendor() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let routes = Router::new().route("/v1/chat/completions", post(slowly));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    addr
}

async fn slowly() -> Response {
    let chunks = stream::iter(0..CHUNKS).then(|_| async {
        tokio::time::sleep(PACE).await;
        let delta = json!({"choices": [{"index": 0, "delta": {"content": now().to_string()}}]});
        Ok::<_, Infallible>(format!("data: {delta}\n\n"))
    });
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": CHUNKS}});
    let end = stream::iter([Ok(format!("data: {usage}\n\n")), Ok("data: [DONE]\n\n".to_owned())]);
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(chunks.chain(end))).into_response()
}

/// Microseconds since the first call.
fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Streams straight from the vendor and through the proxy.
pub(crate) async fn run(platform: &Platform, admin: &Client, vendor: SocketAddr) {
    admin.add_key("groq", "sk-bench", &format!("http://{vendor}/v1")).await;
    let token = admin.add_bot("streams").await;
    println!("\nstreams: {STREAMS} at once, a chunk every {} ms each\n", PACE.as_millis());
    println!("| what | p50 us | p99 us | memory of a stream, kB |\n|---|---|---|---|");
    let straight = format!("http://{vendor}/v1/chat/completions");
    let (bare, _) = measure(&straight, &token, None).await;
    println!("| from the vendor | {} | {} | |", bare.at(50), bare.at(99));
    let ours = format!("{}/api/v1/groq/chat/completions", platform.url);
    let (ours, memory) = measure(&ours, &token, Some(platform.pid())).await;
    println!("| through Clawplane | {} | {} | {memory} |", ours.at(50), ours.at(99));
}

/// Microseconds that chunks were on their way, in order.
struct Delays(Vec<u64>);

impl Delays {
    fn at(&self, percent: usize) -> u64 {
        self.0.get(self.0.len() * percent / 100).copied().unwrap_or_default()
    }
}

/// The delays of all chunks, and the growth of the memory of process `pid` a stream, in kB.
async fn measure(url: &str, token: &str, pid: Option<u32>) -> (Delays, u64) {
    let before = pid.map_or(0, memory::of);
    let open = Arc::new(Barrier::new(STREAMS + 1));
    let opening = Arc::new(Semaphore::new(OPENING));
    let http = reqwest::Client::builder().tcp_nodelay(true).build().expect("a client");
    let mut tasks = JoinSet::new();
    for _ in 0..STREAMS {
        let request = http.post(url).bearer_auth(token).json(&json!({
            "model": "gpt-4o-mini", "stream": true, "messages": [{"role": "user", "content": "ping"}],
        }));
        let (open, opening) = (Arc::clone(&open), Arc::clone(&opening));
        tasks.spawn(async move {
            let place = opening.acquire().await.expect("never closed");
            let answer = request.send().await.expect("an answer").error_for_status().expect("success");
            drop(place);
            open.wait().await;
            delays(answer).await
        });
    }
    open.wait().await;
    let during = pid.map_or(0, memory::of);
    let mut all = Vec::new();
    while let Some(delays) = tasks.join_next().await {
        all.extend(delays.expect("a stream"));
    }
    all.sort_unstable();
    (Delays(all), during.saturating_sub(before) / STREAMS as u64)
}

/// What was sent before everybody was there waited in a buffer: it does not count.
async fn delays(answer: reqwest::Response) -> Vec<u64> {
    let begin = now();
    let mut body = answer.bytes_stream();
    let mut delays = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.expect("a chunk");
        let text = String::from_utf8_lossy(&chunk);
        let sent =
            text.split_once("\"content\":\"").and_then(|(_, rest)| rest.split('"').next()?.parse().ok());
        if let Some(sent) = sent.filter(|sent: &u64| *sent > begin) {
            delays.push(now() - sent);
        }
    }
    delays
}
