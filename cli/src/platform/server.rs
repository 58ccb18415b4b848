//! The listener that everybody comes through: `/api/v1/...` goes to the proxy, the rest to the API.
//!
//! The proxy is asked before any router, so that the data path pays for none.

use axum::{body::Body, extract::ConnectInfo};
use clawplane_proxy::{Proxy, ProxyBody};
use http::{Request, Response};
use http_body_util::Either;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Connections at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 8192;
/// How long a client may take for the head of a request.
const HEAD: Duration = Duration::from_secs(30);
/// How long requests in flight may go on after the shutdown signal.
const DRAIN: Duration = Duration::from_secs(4);

/// What answers.
#[derive(Clone)]
pub(crate) struct Entrance {
    /// The proxy, where this process has that role.
    pub(crate) proxy: Option<Proxy>,
    /// Everything else.
    pub(crate) router: axum::Router,
}

impl Entrance {
    async fn answer(
        self,
        peer: SocketAddr,
        mut request: Request<Incoming>,
    ) -> Result<Response<Either<ProxyBody, Body>>, Infallible> {
        if let (Some(proxy), true) = (&self.proxy, request.uri().path().starts_with("/api/v1/")) {
            return Ok(proxy.handle(request).await.map(Either::Left));
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = self.router.oneshot(request.map(Body::new)).await?;
        Ok(answer.map(Either::Right))
    }

    /// Serves `listener` until `shutdown`, then lets what is in flight end, bounded.
    pub(crate) async fn serve(self, listener: TcpListener, shutdown: CancellationToken) {
        let mut server = auto::Builder::new(TokioExecutor::new());
        server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
        server.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(30));
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let open = GracefulShutdown::new();
        while let Some((stream, peer, place)) = next(&listener, &places, &shutdown).await {
            let entrance = self.clone();
            let service = service_fn(move |request| entrance.clone().answer(peer, request));
            let connection =
                server.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
            let connection = open.watch(connection);
            tokio::spawn(async move {
                // A client that goes away in the middle is its own business.
                if let Err(error) = connection.await {
                    tracing::debug!(%peer, error = %error, "connection ended early");
                }
                drop(place);
            });
        }
        drop(listener);
        if timeout(DRAIN, open.shutdown()).await.is_err() {
            tracing::warn!("requests were still in flight at the end of the grace period");
        }
    }
}

/// The next connection with its place among the bounded number; `None` at the shutdown.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    shutdown: &CancellationToken,
) -> Option<(tokio::net::TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await.ok()?;
            Some((listener.accept().await, place))
        };
        let (accepted, place) = tokio::select! {
            () = shutdown.cancelled() => return None,
            next = accepted => next?,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Nagle's algorithm would hold back the small pieces that streams are made of.
                let _ = stream.set_nodelay(true);
                return Some((stream, peer, place));
            }
            Err(error) => {
                // Out of file descriptors, most likely: it passes, and spinning would not help it.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
