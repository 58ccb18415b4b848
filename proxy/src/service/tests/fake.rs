//! A fake vendor: hears what the proxy sends, answers by a script.

use crate::ports::BoxError;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::TcpListener, sync::Notify};

/// A request as the vendor heard it.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// How it ends after its last chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Clean,
    /// The connection breaks.
    Broken,
    /// Nothing more comes, until the client is gone.
    Hang,
}

/// What the vendor answers.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) chunks: Vec<Bytes>,
    pub(super) end: End,
    /// Not even a head comes.
    pub(super) silent: bool,
    /// The head comes when this is rung.
    pub(super) gate: Option<Arc<Notify>>,
    /// Each chunk but the first comes when this is rung.
    pub(super) step: Option<Arc<Notify>>,
    pub(super) trailers: Option<HeaderMap>,
}

impl Script {
    pub(super) fn json(body: &str) -> Self {
        Self::of("application/json", vec![Bytes::copy_from_slice(body.as_bytes())])
    }
    pub(super) fn of(kind: &str, chunks: Vec<Bytes>) -> Self {
        let headers = vec![("content-type", kind.to_owned())];
        Self {
            status: 200,
            headers,
            chunks,
            end: End::Clean,
            silent: false,
            gate: None,
            step: None,
            trailers: None,
        }
    }
    pub(super) fn sse(text: &str) -> Self {
        Self::of("text/event-stream", vec![Bytes::copy_from_slice(text.as_bytes())])
    }
    pub(super) fn ending(self, end: End) -> Self {
        Self { end, ..self }
    }
}

#[derive(Default)]
struct Ears {
    heard: Mutex<Vec<Heard>>,
    arrived: Notify,
    gone: Notify,
}

pub(super) struct Fake {
    pub(super) address: SocketAddr,
    ears: Arc<Ears>,
}

/// Rings when the answer is dropped before its end.
struct Guard(Arc<Ears>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.gone.notify_one();
    }
}

impl Fake {
    pub(super) async fn start(script: impl Fn(&Heard) -> Script + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ears, script) = (Arc::new(Ears::default()), Arc::new(script));
        let hearing = Arc::clone(&ears);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let (ears, script) = (Arc::clone(&hearing), Arc::clone(&script));
                let service = service_fn(move |request| {
                    let (ears, script) = (Arc::clone(&ears), Arc::clone(&script));
                    async move { Ok::<_, Infallible>(answer(request, &ears, script.as_ref()).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, ears }
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        self.ears.heard.lock().unwrap().clone()
    }

    pub(super) fn last(&self) -> Heard {
        self.heard().pop().unwrap()
    }

    /// Waits for the next request.
    pub(super) async fn arrival(&self) {
        tokio::time::timeout(Duration::from_secs(10), self.ears.arrived.notified()).await.unwrap();
    }

    /// Waits until an answer was dropped before its end.
    pub(super) async fn cancelled(&self) {
        tokio::time::timeout(Duration::from_secs(10), self.ears.gone.notified()).await.unwrap();
    }
}

type Body = UnsyncBoxBody<Bytes, BoxError>;

async fn answer(
    request: Request<Incoming>,
    ears: &Arc<Ears>,
    script: &(dyn Fn(&Heard) -> Script + Sync),
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let request = Heard { method: head.method, uri: head.uri, headers: head.headers, body };
    let Script { status, headers, chunks, end, silent, gate, step, trailers } = script(&request);
    ears.heard.lock().unwrap().push(request);
    ears.arrived.notify_one();
    let guard = Guard(Arc::clone(ears));
    if silent {
        std::future::pending::<()>().await;
    }
    if let Some(gate) = gate {
        gate.notified().await;
    }
    // Each chunk is a write of its own: the next one waits until this one has gone.
    let pieces = stream::iter(chunks).enumerate().then(move |(at, chunk)| {
        let step = step.clone().filter(|_| at > 0);
        async move {
            match step {
                Some(step) => step.notified().await,
                None => tokio::task::yield_now().await,
            }
            Ok::<_, BoxError>(Frame::data(chunk))
        }
    });
    let pieces = pieces.chain(stream::iter(trailers.map(|trailers| Ok(Frame::trailers(trailers)))));
    let ending = stream::once(async move {
        let _guard = guard;
        match end {
            End::Clean => None,
            End::Broken => {
                // What went before is sent first.
                tokio::task::yield_now().await;
                Some(Err("broken".into()))
            }
            End::Hang => std::future::pending().await,
        }
    });
    let body = StreamBody::new(pieces.chain(ending.filter_map(|end| async { end })));
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(BodyExt::boxed_unsync(body)).unwrap()
}
