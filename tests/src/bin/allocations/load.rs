//! The vendor and the client: one request after the other, and streams of which each chunk waits for the one before.

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::post,
};
use futures::{StreamExt, stream};
use std::{convert::Infallible, net::SocketAddr, sync::Arc};
use tokio::{
    net::TcpListener,
    sync::{OnceCell, Semaphore},
};

/// The token of the bot.
pub(crate) const TOKEN: &str = "cpb_allocations";
/// How many chunks a stream shall have.
const CHUNKS: &str = "x-chunks";

const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"pong"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}"#;
const DELTA: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"pong\"},\"finish_reason\":null}]}\n\n";
const END: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}\n\ndata: [DONE]\n\n";

/// One permit for each chunk that the client has got: each is sent, and read by the proxy, by itself.
async fn got() -> &'static Arc<Semaphore> {
    static GOT: OnceCell<Arc<Semaphore>> = OnceCell::const_new();
    GOT.get_or_init(|| async { Arc::new(Semaphore::new(0)) }).await
}

/// Starts the vendor.
pub(crate) async fn vendor() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let routes = Router::new().route("/v1/chat/completions", post(answer)).with_state(got().await.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    addr
}

async fn answer(State(got): State<Arc<Semaphore>>, headers: HeaderMap) -> Response {
    let chunks = headers.get(CHUNKS).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let Some(chunks) = chunks else {
        return ([(header::CONTENT_TYPE, "application/json")], ANSWER).into_response();
    };
    let pieces = std::iter::repeat_n(DELTA, chunks).chain([END]).enumerate();
    let pieces = stream::iter(pieces).then(move |(at, piece)| {
        let got = Arc::clone(&got);
        async move {
            if at > 0 {
                got.acquire().await.expect("never closed").forget();
            }
            Ok::<_, Infallible>(piece)
        }
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(pieces)).into_response()
}

/// A client with one connection.
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    /// Of the proxy there.
    pub(crate) fn new(proxy: SocketAddr) -> Self {
        let http = reqwest::Client::builder().tcp_nodelay(true).build().expect("a client");
        Self { http, url: format!("http://{proxy}/api/v1/openai/chat/completions") }
    }

    fn post(&self, body: &'static str) -> reqwest::RequestBuilder {
        let request = self.http.post(&self.url).bearer_auth(TOKEN);
        request.header(header::CONTENT_TYPE, "application/json").body(body)
    }

    /// One after the other.
    pub(crate) async fn requests(&self, n: u64) {
        for _ in 0..n {
            let request =
                self.post(r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"ping"}]}"#);
            let answer = request.send().await.expect("an answer").text().await.expect("its body");
            assert_eq!(answer, ANSWER);
        }
    }

    /// One after the other, each of so many chunks.
    pub(crate) async fn streams(&self, n: u64, chunks: u64) {
        for _ in 0..n {
            let body =
                r#"{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"ping"}]}"#;
            let request = self.post(body).header(CHUNKS, chunks);
            let answer = request.send().await.expect("an answer").error_for_status().expect("success");
            let mut body = answer.bytes_stream();
            for _ in 0..chunks {
                let chunk = body.next().await.expect("a chunk").expect("a chunk");
                assert_eq!(chunk, DELTA, "chunks were put together");
                got().await.add_permits(1);
            }
            // The usage was not asked for by this client.
            let end = body.next().await.expect("an end").expect("an end");
            assert_eq!(end, "data: [DONE]\n\n");
            assert!(body.next().await.is_none());
        }
    }
}
