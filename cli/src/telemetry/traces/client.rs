//! The HTTP client of the exporter, which drives it from a thread without a runtime: the request runs on ours.

use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Hyper, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use std::{sync::Arc, time::Duration};
use tokio::{runtime::Handle, time::timeout};

/// A collector's answer says how many spans it refused; it is not longer.
const MAX_ANSWER: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Client {
    hyper: Hyper<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: Handle,
    limit: Duration,
}

impl Client {
    /// Within the runtime. A request takes at most `limit`.
    pub(super) fn new(limit: Duration) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_native_roots()?
            .with_no_client_auth();
        let https =
            HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
        let hyper = Hyper::builder(TokioExecutor::new()).build(https);
        Ok(Self { hyper, runtime: Handle::current(), limit })
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (hyper, limit) = (self.hyper.clone(), self.limit);
        let sending = async move {
            let (head, body) = hyper.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(head, body))
        };
        self.runtime.spawn(async move { timeout(limit, sending).await? }).await?
    }
}
