//! The proxy as its users see it: started once, then handed requests.

use crate::{
    ProxyConfig, StartError,
    body::ProxyBody,
    ports::{BoxError, EventSource, Unsealer, UsageSink, UsageTotals},
};
use bytes::Bytes;
use clawplane_domain::clock::{Clock, Ids};
use clawplane_eventstore::Wakeup;
use http::{Request, Response};
use std::sync::Arc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What the proxy works with.
#[derive(Clone)]
pub struct Deps {
    /// The feed.
    pub events: Arc<dyn EventSource>,
    /// Where usage goes.
    pub sink: Arc<dyn UsageSink>,
    /// Opens provider keys.
    pub unsealer: Arc<dyn Unsealer>,
    /// What was used before the start.
    pub totals: Arc<dyn UsageTotals>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Request ids and the proxy's own.
    pub ids: Arc<dyn Ids>,
    /// Rung when there are new events.
    pub wakeup: Wakeup,
    /// The shutdown signal.
    pub cancel: CancellationToken,
    /// Where the proxy's tasks are tracked.
    pub tasks: TaskTracker,
}

/// The proxy. Clones share everything.
#[derive(Clone)]
pub struct Proxy {}

impl Proxy {
    /// Recovers the spool, reads the events to their head and starts the tasks. When this returns, requests can
    /// be handled; the tasks end within 5 s of `deps.cancel`.
    pub async fn start(config: ProxyConfig, deps: Deps) -> Result<Self, StartError> {
        let _ = (config, deps);
        Err(StartError::Stopped)
    }

    /// Handles one request to `/api/v1/{vendor}/{*path}`, whoever's HTTP server it came through.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<ProxyBody>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let _ = request;
        Response::new(ProxyBody::empty())
    }

    /// Serves connections of `listener` until `shutdown`, then lets requests in flight end, bounded.
    pub async fn serve(&self, listener: tokio::net::TcpListener, shutdown: CancellationToken) {
        let _ = (listener, shutdown);
    }
}
