//! An AI vendor without an AI: it speaks OpenAI's API on the loopback interface and says what it was told.
//!
//! It lets people see the main job without any account. Its token counts follow a rule that can be checked
//! by hand: a token is a word, see [`answer`].

mod answer;
mod chat;
mod embeddings;
mod error;
mod responses;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Request, State, rejection::BytesRejection},
    http::header::AUTHORIZATION,
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::{get, post},
};
use clawplane_domain::Secret;
use error::Failure;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    future::IntoFuture,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A request with more than this is refused with 413.
const MAX_BODY: usize = 32 * 1024 * 1024;
/// What may be under way when the shutdown comes gets this long.
const GRACE: Duration = Duration::from_secs(3);
/// The models it lists; it takes any name.
pub const MODELS: [&str; 2] = ["demo-echo", "gpt-4o-mini"];

/// The running vendor.
#[derive(Debug)]
pub struct DemoVendor {
    addr: SocketAddr,
    key: Secret,
    task: JoinHandle<()>,
}

impl DemoVendor {
    /// Listens on `addr` and accepts `key` as the only credential, until `shutdown`.
    pub fn start(addr: SocketAddr, key: Secret, shutdown: CancellationToken) -> io::Result<Self> {
        Self::serve(TcpListener::bind(addr)?, key, shutdown)
    }

    /// Like [`DemoVendor::start`], on a listener that is there already.
    pub fn serve(listener: TcpListener, key: Secret, shutdown: CancellationToken) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let app = router(&key);
        let task = tokio::spawn(async move {
            let grace = shutdown.clone();
            let server = axum::serve(listener, app).with_graceful_shutdown(shutdown.cancelled_owned());
            let too_long = async {
                grace.cancelled().await;
                tokio::time::sleep(GRACE).await;
            };
            tokio::select! {
                ended = server.into_future() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "the demo vendor ended");
                    }
                }
                () = too_long => {}
            }
        });
        Ok(Self { addr, key, task })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What a provider key has as its base URL.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// What a provider key has as its secret.
    pub fn key(&self) -> &Secret {
        &self.key
    }

    /// Waits until it has ended after the shutdown; at most some seconds.
    pub async fn stopped(self) {
        // A panic in a handler is hyper's to report.
        let _ = self.task.await;
    }
}

fn router(key: &Secret) -> Router {
    let expected: Arc<[u8; 32]> = Arc::new(Sha256::digest(key.expose()).into());
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/chat/completions", post(chat::complete))
        .route("/v1/responses", post(responses::respond))
        .route("/v1/embeddings", post(embeddings::embed))
        .fallback(async || Failure::not_found())
        .method_not_allowed_fallback(async || Failure::not_found())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(expected, authenticate))
}

/// Digests are compared, so that the time tells nothing of the key.
async fn authenticate(
    State(expected): State<Arc<[u8; 32]>>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let given =
        request.headers().get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    match given.map(Sha256::digest) {
        Some(digest) if digest[..] == expected[..] => Ok(next.run(request).await),
        _ => Err(Failure::unauthorized()),
    }
}

async fn models() -> Json<Value> {
    let models = MODELS.map(|id| json!({"id": id, "object": "model", "created": 0, "owned_by": "clawplane"}));
    Json(json!({"object": "list", "data": models}))
}

/// A request's JSON, whatever its content type says, as OpenAI's own servers take it.
fn parse<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Failure> {
    let body = body.map_err(|rejection| Failure::new(rejection.status(), "the body could not be read"))?;
    serde_json::from_slice(&body)
        .map_err(|error| Failure::invalid(&format!("the body is not as it should be: {error}")))
}

#[cfg(test)]
mod tests;
