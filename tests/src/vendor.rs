//! Fake vendors: they cost nothing, and speak the real wire formats of OpenAI, Anthropic and Gemini.
//!
//! Every request is remembered as it came in, so that a test can say what a vendor was sent, and how often.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{OriginalUri, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use futures::StreamExt;
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

/// What the fake vendors say they counted, in OpenAI's way of counting.
pub const INPUT: u64 = 1100;
/// Part of `INPUT` that was cached.
pub const CACHED: u64 = 300;
/// Part of `INPUT` that was written to the cache (Anthropic only).
pub const CACHE_WRITE: u64 = 200;
/// All output.
pub const OUTPUT: u64 = 70;
/// Part of `OUTPUT` that was reasoning (not Anthropic, which does not say).
pub const REASONING: u64 = 20;

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Path and query.
    pub uri: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, when it is JSON.
    pub body: Value,
}

impl Seen {
    /// The text of a header, or nothing.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
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
            .route("/v1/chat/completions", post(chat_completions))
            // A vendor takes large prompts.
            .layer(axum::extract::DefaultBodyLimit::max(64 << 20))
            .route("/v1/messages", post(messages))
            .fallback(post(gemini))
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

impl Inner {
    fn note(&self, uri: &OriginalUri, headers: HeaderMap, body: &Bytes) -> Value {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let uri = uri.to_string();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(Seen { uri, headers, body: body.clone() });
        body
    }

    fn stream(&self, frames: Vec<String>) -> Response {
        let pace = self.pace;
        let frames = futures::stream::iter(frames).then(move |frame| async move {
            tokio::time::sleep(pace).await;
            Ok::<_, std::convert::Infallible>(frame)
        });
        ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(frames)).into_response()
    }
}

fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn words() -> impl Iterator<Item = String> {
    ANSWER.split_inclusive(' ').map(str::to_owned)
}

async fn chat_completions(
    State(vendor): State<Inner>,
    uri: OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = vendor.note(&uri, headers, &body);
    let model = request["model"].as_str().unwrap_or("gpt-4o-mini").to_owned();
    let usage = json!({
        "prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED},
        "completion_tokens_details": {"reasoning_tokens": REASONING},
    });
    if request["stream"] != json!(true) {
        return Json(json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": ANSWER}}],
            "usage": usage,
        }))
        .into_response();
    }
    let chunk = |choices: Value, usage: Value| {
        data(&json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model,
                     "choices": choices, "usage": usage}))
    };
    let mut frames =
        vec![chunk(json!([{"index": 0, "delta": {"role": "assistant", "content": ""}}]), Value::Null)];
    frames.extend(words().map(|word| chunk(json!([{"index": 0, "delta": {"content": word}}]), Value::Null)));
    frames.push(chunk(json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]), Value::Null));
    if request["stream_options"]["include_usage"] == json!(true) {
        frames.push(chunk(json!([]), usage));
    }
    frames.push("data: [DONE]\n\n".to_owned());
    vendor.stream(frames)
}

async fn messages(
    State(vendor): State<Inner>,
    uri: OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = vendor.note(&uri, headers.clone(), &body);
    if !headers.contains_key("anthropic-version") {
        let error = json!({"type": "error", "error": {"type": "invalid_request_error",
                           "message": "anthropic-version: header is required"}});
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    let usage = json!({
        "input_tokens": INPUT - CACHED - CACHE_WRITE, "cache_read_input_tokens": CACHED,
        "cache_creation_input_tokens": CACHE_WRITE, "output_tokens": OUTPUT,
    });
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": request["model"],
                         "content": [{"type": "text", "text": ANSWER}], "stop_reason": "end_turn", "usage": usage});
    if request["stream"] != json!(true) {
        return Json(message).into_response();
    }
    let event = |value: Value| {
        let name = value["type"].as_str().unwrap_or_default().to_owned();
        format!("event: {name}\n{}", data(&value))
    };
    let mut start = message;
    start["content"] = json!([]);
    start["usage"]["output_tokens"] = json!(1);
    let mut frames = vec![
        event(json!({"type": "message_start", "message": start})),
        event(
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        ),
    ];
    frames.extend(words().map(|word| {
        event(
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}),
        )
    }));
    frames.push(event(json!({"type": "content_block_stop", "index": 0})));
    frames.push(event(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                             "usage": {"output_tokens": OUTPUT}})));
    frames.push(event(json!({"type": "message_stop"})));
    vendor.stream(frames)
}

/// `/v1beta/models/{model}:generateContent` and `:streamGenerateContent`: the colon is part of a path segment.
async fn gemini(State(vendor): State<Inner>, uri: OriginalUri, headers: HeaderMap, body: Bytes) -> Response {
    vendor.note(&uri, headers, &body);
    let path = uri.path().to_owned();
    let Some(model) = path.strip_prefix("/v1beta/models/").and_then(|rest| rest.split_once(':')) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let usage = json!({
        "promptTokenCount": INPUT, "cachedContentTokenCount": CACHED, "candidatesTokenCount": OUTPUT - REASONING,
        "thoughtsTokenCount": REASONING, "totalTokenCount": INPUT + OUTPUT,
    });
    let part = |text: &str, finish: Option<&str>| {
        json!({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0,
                               "finishReason": finish}],
               "usageMetadata": usage, "modelVersion": model.0})
    };
    // Only the last part of a stream says why it ended.
    let last = words().count() - 1;
    let parts = words().enumerate().map(|(at, word)| part(&word, (at == last).then_some("STOP")));
    match (model.1, uri.query().is_some_and(|query| query.contains("alt=sse"))) {
        ("generateContent", _) => Json(part(ANSWER, Some("STOP"))).into_response(),
        ("streamGenerateContent", true) => {
            vendor.stream(parts.map(|part| format!("data: {part}\r\n\r\n")).collect())
        }
        ("streamGenerateContent", false) => Json(Value::Array(parts.collect())).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
