//! A listener that hostile clients cannot take from the others: HTTP/1.1 and HTTP/2 without TLS, for the bots' entrance and
//! for everybody's.
//!
//! Connections are bounded in number; where there is no place left, those go that have been idle for the longest. A
//! connection may be idle, take for a request's head, and not read its answer, for a bounded time each.

mod busy;
mod places;
mod stall;

use crate::ports::BoxError;
use busy::{Tracked, answer};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use places::{Place, Places};
use stall::Stalling;
use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// After a failed accept, which mostly means that there are no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Between two looks at who has been idle for too long.
const SWEEP: Duration = Duration::from_secs(5);
/// Largest head of a request, and most that is read ahead, in bytes. A larger head is 431.
const BUFFER: usize = 64 << 10;
/// Most headers of a request; more are 431.
const HEADERS: usize = 100;
/// Most requests at once on one HTTP/2 connection.
const STREAMS: u32 = 250;

/// What connections may do.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// At once.
    pub connections: usize,
    /// For the head of a request, and between two requests.
    pub head: Duration,
    /// Without taking any of an answer that is there.
    pub write: Duration,
    /// For requests in flight after the shutdown signal.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            head: Duration::from_secs(75),
            write: Duration::from_mins(1),
            drain: Duration::from_secs(4),
        }
    }
}

/// Serves connections of `listener` by `handle` until `shutdown`, then lets requests in flight end, bounded.
pub async fn serve<H, F, B>(listener: TcpListener, limits: Limits, shutdown: CancellationToken, handle: H)
where
    H: Fn(SocketAddr, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let connections = TaskTracker::new();
    let places = Arc::new(Places::new(limits.connections));
    let cut = CancellationToken::new();
    while let Some((stream, peer, place)) = next(&listener, &places, limits.head, &shutdown).await {
        let handle = handle.clone();
        let serving = connection((stream, peer), place, limits, (shutdown.clone(), cut.clone()), handle);
        connections.spawn(serving);
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.drain, connections.wait()).await.is_err() {
        tracing::warn!("requests were still in flight at the end of the grace period");
        cut.cancel();
        connections.wait().await;
    }
}

/// The next connection with its place; `None` at the shutdown.
async fn next(
    listener: &TcpListener,
    places: &Arc<Places>,
    idle: Duration,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, Arc<Place>)> {
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => return None,
            accepted = tokio::time::timeout(idle.min(SWEEP), listener.accept()) => accepted,
        };
        places.sweep(idle);
        match accepted {
            // Nobody came.
            Err(_) => {}
            Ok(Ok((stream, peer))) => {
                // Nagle's algorithm would hold back the small pieces that streams are made of.
                let _ = stream.set_nodelay(true);
                let place = tokio::select! {
                    () = shutdown.cancelled() => return None,
                    place = places.take() => place,
                };
                return Some((stream, peer, place));
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of file descriptors, most likely: those who do not need theirs give them back.
                places.shed();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection<H, F, B>(
    (stream, peer): (TcpStream, SocketAddr),
    place: Arc<Place>,
    limits: Limits,
    (shutdown, cut): (CancellationToken, CancellationToken),
    handle: H,
) where
    H: Fn(SocketAddr, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let busy = Arc::clone(&place);
    let service = service_fn(move |request: Request<Incoming>| {
        let (guard, handle) = (busy.request(), handle.clone());
        async move {
            let answered: Response<Tracked<B>> = answer(peer, request, guard, handle).await;
            Ok::<_, Infallible>(answered)
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    let mut http1 = builder.http1();
    http1.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(BUFFER).max_headers(HEADERS);
    let mut http2 = builder.http2();
    http2
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(30))
        .max_concurrent_streams(STREAMS);
    let stream = TokioIo::new(Stalling::new(stream, limits.write));
    let mut connection = pin!(builder.serve_connection_with_upgrades(stream, service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = place.given_up() => Ok(()),
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                served = connection => served,
                () = cut.cancelled() => Ok(()),
            }
        }
    };
    if let Err(error) = served {
        // A client that goes away in the middle is its own business.
        tracing::debug!(%peer, %error, "a connection ended early");
    }
    place.leave();
}

#[cfg(test)]
mod tests;
