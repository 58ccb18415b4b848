//! Traffic of all kinds: plain and streamed, three formats, clients that go away, and requests that the proxy refuses.

use futures::StreamExt;
use serde_json::json;
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How the proxy refused a request.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) retry_after: Option<u64>,
}

/// What was sent, and what came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    models: Mutex<BTreeSet<String>>,
    answered: AtomicUsize,
    refused: AtomicUsize,
    refusals: Mutex<Vec<Refusal>>,
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sent {
    fn model(&self) -> String {
        let model = format!("m-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        lock(&self.0.models).insert(model.clone());
        model
    }
    pub(super) fn knows(&self, model: &str) -> bool {
        lock(&self.0.models).contains(model)
    }
    /// Requests to a vendor that does not exist, of whose refusal the client has heard.
    pub(super) fn refused(&self) -> usize {
        self.0.refused.load(Ordering::Relaxed)
    }
    pub(super) fn answered(&self) -> usize {
        self.0.answered.load(Ordering::Relaxed)
    }
    pub(super) fn forget_refusals(&self) {
        self.0.refused.store(0, Ordering::Relaxed);
    }
    pub(super) fn take_in(&self, other: &Self) {
        lock(&self.0.models).extend(lock(&other.0.models).iter().cloned());
        self.0.refused.fetch_add(other.refused(), Ordering::Relaxed);
    }
}

/// The model in a path of Gemini's.
pub(super) fn model_in(uri: &str) -> Option<&str> {
    uri.split_once("/models/")?.1.split(':').next()
}

/// Sends request number `n` and reads its answer, or goes away; its status, and the code of a refusal.
pub(super) async fn one(
    http: &reqwest::Client,
    url: &str,
    token: &str,
    sent: &Sent,
    n: usize,
) -> (Option<u16>, String) {
    let stream = n.is_multiple_of(2);
    let unknown = n % 16 == 15;
    let model = if unknown { String::new() } else { sent.model() };
    let message = json!([{"role": "user", "content": format!("request {n}")}]);
    let (path, body) = match n % 16 {
        15 => ("nope/chat/completions".to_owned(), json!({"messages": message})),
        1 | 4 | 9 => (
            "anthropic/v1/messages".to_owned(),
            json!({"model": model, "max_tokens": 9, "stream": stream, "messages": message}),
        ),
        2 | 7 | 11 => {
            let call = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
            (
                format!("google/v1beta/models/{model}:{call}"),
                json!({"contents": [{"parts": [{"text": "hello"}]}]}),
            )
        }
        _ => (
            "openai/chat/completions".to_owned(),
            json!({"model": model, "stream": stream, "messages": message}),
        ),
    };
    let request = http.post(format!("{url}/api/v1/{path}")).bearer_auth(token);
    let request = request.header("anthropic-version", "2023-06-01").json(&body);
    let Ok(answer) = request.send().await else { return (None, String::new()) };
    let status = answer.status().as_u16();
    if status == 200 && stream && n % 6 == 4 {
        // A client that goes away in the middle.
        let mut pieces = answer.bytes_stream();
        let _ = pieces.next().await;
        return (Some(status), String::new());
    }
    let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let Ok(text) = answer.text().await else { return (None, String::new()) };
    if status == 200 {
        sent.0.answered.fetch_add(1, Ordering::Relaxed);
        return (Some(status), String::new());
    }
    let error: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let code = error
        .pointer("/error/code")
        .and_then(|code| code.as_str())
        .or_else(|| error.pointer("/error/details/0/reason")?.as_str());
    let code = code.unwrap_or_default().to_owned();
    if unknown && status == 404 {
        sent.0.refused.fetch_add(1, Ordering::Relaxed);
    } else {
        lock(&sent.0.refusals).push(Refusal { status, code: code.clone(), retry_after });
    }
    (Some(status), code)
}

/// Clients that go on until they are stopped.
pub(super) struct Load {
    sent: Sent,
    stop: CancellationToken,
    clients: JoinSet<()>,
}

impl Load {
    /// As fast as it goes; a proxy that is away is tried again.
    pub(super) fn start(url: &str, token: &str, clients: usize) -> Self {
        Self::with(url, token, clients, Duration::ZERO, 16)
    }

    /// A few a second, none of which is refused for what it asks.
    pub(super) fn polite(url: &str, token: &str, clients: usize) -> Self {
        Self::with(url, token, clients, Duration::from_millis(100), 15)
    }

    fn with(url: &str, token: &str, clients: usize, pause: Duration, kinds: usize) -> Self {
        let (sent, stop) = (Sent::default(), CancellationToken::new());
        let mut set = JoinSet::new();
        for client in 0..clients {
            let (url, token, sent, stop) = (url.to_owned(), token.to_owned(), sent.clone(), stop.clone());
            set.spawn(async move {
                let http = reqwest::Client::new();
                for turn in 0.. {
                    let n = (client + turn) % kinds;
                    let asked = one(&http, &url, &token, &sent, n);
                    let Some((status, _)) = stop.run_until_cancelled(asked).await else { return };
                    let pause = if status.is_none() { Duration::from_millis(10) } else { pause };
                    tokio::time::sleep(pause).await;
                }
            });
        }
        Self { sent, stop, clients: set }
    }

    pub(super) fn answered(&self) -> usize {
        self.sent.answered()
    }

    pub(super) fn first_refusal(&self) -> Option<Refusal> {
        lock(&self.sent.0.refusals).first().cloned()
    }

    pub(super) fn refusal_with(&self, code: &str) -> Option<Refusal> {
        lock(&self.sent.0.refusals).iter().find(|refusal| refusal.code == code).cloned()
    }

    pub(super) async fn stop(mut self) -> Sent {
        self.stop.cancel();
        while self.clients.join_next().await.is_some() {}
        self.sent
    }
}
