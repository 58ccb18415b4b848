//! The listener that everybody comes through: `/api/v1/...` goes to the proxy, the rest to the API.
//!
//! The proxy is asked before any router, so that the data path pays for none.

mod patience;

use axum::{body::Body, extract::ConnectInfo};
use clawplane_proxy::{Proxy, ProxyBody, listen};
use http::{Request, Response};
use http_body_util::Either;
use hyper::body::Incoming;
use patience::Patience;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

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
    ) -> Response<Either<ProxyBody, Body>> {
        if let (Some(proxy), true) = (&self.proxy, request.uri().path().starts_with("/api/v1/")) {
            return proxy.handle(request).await.map(Either::Left);
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = self.router.oneshot(request.map(|body| Body::new(Patience::new(body)))).await;
        answer.unwrap_or_else(|never| match never {}).map(Either::Right)
    }

    /// Serves `listener` until `shutdown`, then lets what is in flight end, bounded.
    pub(crate) async fn serve(self, listener: TcpListener, shutdown: CancellationToken) {
        let handle = move |peer, request| self.clone().answer(peer, request);
        listen::serve(listener, listen::Limits::default(), shutdown, handle).await;
    }
}
