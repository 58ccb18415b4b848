//! The proxy's own listener: HTTP/1.1 and HTTP/2 without TLS, for the bots' networks.

use crate::Proxy;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A connection that sends no request's head for so long is closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// After a failed accept, which mostly means that there are no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Proxy {
    /// Serves connections of `listener` until `shutdown`, then lets requests in flight end, bounded by the
    /// configuration's `drain`.
    pub async fn serve(&self, listener: TcpListener, shutdown: CancellationToken) {
        let connections = TaskTracker::new();
        let places = Arc::new(Semaphore::new(self.config().max_connections));
        let cut = CancellationToken::new();
        loop {
            let next = async {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return None };
                Some((listener.accept().await, place))
            };
            let accepted = tokio::select! {
                accepted = next => accepted,
                () = shutdown.cancelled() => break,
            };
            match accepted {
                Some((Ok((stream, _)), place)) => {
                    let serving = self.clone().connection(stream, place, shutdown.clone(), cut.clone());
                    connections.spawn(serving);
                }
                Some((Err(error), _)) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                None => break,
            }
        }
        drop(listener);
        connections.close();
        if tokio::time::timeout(self.config().drain, connections.wait()).await.is_err() {
            cut.cancel();
            connections.wait().await;
        }
    }

    async fn connection(
        self,
        stream: TcpStream,
        _place: OwnedSemaphorePermit,
        shutdown: CancellationToken,
        cut: CancellationToken,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            return tracing::debug!(%error, "a connection was gone at once");
        }
        let service = service_fn(|request| {
            let proxy = self.clone();
            async move { Ok::<_, Infallible>(proxy.handle(request).await) }
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        builder.http2().timer(TokioTimer::new());
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    served = connection => served,
                    () = cut.cancelled() => Ok(()),
                }
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
