//! Fake vendors: they cost nothing, and speak the real wire formats of OpenAI, Anthropic, Gemini, Cohere and Ollama.
//!
//! Every request is remembered as it came in, so that a test can say what a vendor was sent, and how often. One fake
//! speaks all formats: which one is told by the path. Who offers tools gets a call of the first of them; a model of
//! the name `fail-<status>` fails with this status in its vendor's way.

mod anthropic;
mod cohere;
mod gemini;
mod ollama;
mod openai;
mod openai_more;
mod reply;

use axum::{
    Router,
    body::Bytes,
    extract::{OriginalUri, State},
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use reply::Reply;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The answer of every fake vendor, so that a test can find it at the far end.
pub const ANSWER: &str = "pong from the fake vendor";
/// What every tool is called with.
pub const TOOL_CITY: &str = "Lisbon";
/// The message of every error that was asked for.
pub const FAILURE: &str = "the fake vendor was told to fail";

/// What the fake vendors say they counted, in OpenAI's way of counting.
pub const INPUT: u64 = 1100;
/// Part of `INPUT` that was cached (not Ollama and Cohere, which do not say).
pub const CACHED: u64 = 300;
/// Part of `INPUT` that was written to the cache (Anthropic only).
pub const CACHE_WRITE: u64 = 200;
/// All output.
pub const OUTPUT: u64 = 70;
/// Part of `OUTPUT` that was reasoning (OpenAI's and Google's formats only).
pub const REASONING: u64 = 20;
/// What an embeddings request costs.
pub const EMBEDDED: u64 = 8;

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub uri: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, when it is JSON.
    pub body: Value,
    /// The body as it came.
    pub raw: Bytes,
}

impl Seen {
    /// The text of a header, or nothing.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn path(&self) -> &str {
        self.uri.split('?').next().unwrap_or_default()
    }

    fn query(&self) -> &str {
        self.uri.split_once('?').map_or("", |(_, query)| query)
    }

    fn streams(&self) -> bool {
        self.body["stream"] == json!(true)
    }

    /// The status that a model of this name asks for.
    fn failure(model: &str) -> Option<StatusCode> {
        model.strip_prefix("fail-")?.parse().ok()
    }
}

/// A vendor that runs until it is dropped.
#[derive(Debug)]
pub struct FakeVendor {
    /// Where it listens.
    pub addr: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _stop: DropGuard,
}

#[derive(Clone)]
struct Inner {
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Between two chunks of a stream: gives a test the time to cut it.
    pace: Duration,
}

impl FakeVendor {
    /// Starts one on a free port of loopback.
    pub async fn start() -> Self {
        Self::start_paced(Duration::ZERO).await
    }

    /// As [`FakeVendor::start`], with a pause between the chunks of a stream.
    pub async fn start_paced(pace: Duration) -> Self {
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let routes = Router::new()
            .fallback(answer)
            // A vendor takes large prompts.
            .layer(axum::extract::DefaultBodyLimit::max(64 << 20))
            .with_state(Inner { seen: seen.clone(), pace });
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            let _ = axum::serve(listener, routes).with_graceful_shutdown(stopped).await;
        });
        Self { addr, seen, _stop: stop.drop_guard() }
    }

    /// Its root, as a base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Everything that came in so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(
    State(vendor): State<Inner>,
    method: Method,
    uri: OriginalUri,
    headers: HeaderMap,
    raw: Bytes,
) -> Response {
    let body = serde_json::from_slice(&raw).unwrap_or(Value::Null);
    let seen = Seen { method, uri: uri.to_string(), headers, body, raw };
    vendor.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen.clone());
    route(&seen).into_response(vendor.pace)
}

fn route(seen: &Seen) -> Reply {
    let path = seen.path();
    let ends = |end: &str| path.ends_with(end);
    match () {
        () if seen.method != Method::POST => {
            Reply::error(StatusCode::NOT_FOUND, json!({"error": "no such thing"}))
        }
        () if ends("/chat/completions") => openai::chat_completions(seen),
        () if ends("/responses") => openai_more::responses(seen),
        () if ends("/audio/transcriptions") => openai_more::transcription(seen),
        () if ends("/v1/messages") => anthropic::messages(seen),
        () if ends("/api/chat") || ends("/api/generate") || ends("/api/embed") => ollama::answer(seen),
        () if ends("/v2/chat") => cohere::chat(seen),
        () if ends("/embeddings") => openai_more::embeddings(seen),
        // The colon is part of a path segment.
        () => gemini::answer(seen),
    }
}

fn words() -> impl Iterator<Item = String> {
    ANSWER.split_inclusive(' ').map(str::to_owned)
}
