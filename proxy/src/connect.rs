//! The way to a vendor: resolve, check the address, connect, TLS; each connection is checked where it really goes.

use crate::{StartError, UpstreamAllow, allow::NotAllowed, ports::BoxError, upstream_body::UpstreamBody};
use futures::future::BoxFuture;
use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::{RootCertStore, pki_types::CertificateDer};
use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{net::TcpStream, time};
use tower::Service;

/// Between the starts of tries to the addresses of one name (RFC 8305 recommends 250 ms).
const STAGGER: Duration = Duration::from_millis(250);
/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 6;

/// The client of the data path.
pub(crate) type VendorClient = Client<Connector, UpstreamBody>;

/// Why there is no connection, where the system's own error does not say.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    #[error("the connection was not there in time")]
    TimedOut,
    #[error("the vendor's name has no address")]
    NoAddress,
}

/// Makes the client.
pub(crate) fn client(
    allow: UpstreamAllow,
    connect_timeout: Duration,
    extra_roots: &[CertificateDer<'static>],
) -> Result<VendorClient, StartError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let guarded = Guarded(Arc::new(allow));
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StartError::Tls(error.into()))?
        .with_root_certificates(roots(extra_roots)?)
        .with_no_client_auth();
    let tls = HttpsConnectorBuilder::new().with_tls_config(config);
    // HTTP/2 where the vendor has it, by ALPN.
    let https = tls.https_or_http().enable_all_versions().wrap_connector(guarded);
    Ok(Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(55))
        .pool_max_idle_per_host(512)
        .build(Connector { https, timeout: connect_timeout }))
}

/// The system's roots, and the operator's own ones beside them.
fn roots(extra: &[CertificateDer<'static>]) -> Result<RootCertStore, StartError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "some of the system's root certificates cannot be read");
    }
    roots.add_parsable_certificates(system.certs);
    for root in extra {
        roots.add(root.clone()).map_err(|error| StartError::Tls(error.into()))?;
    }
    if roots.is_empty() {
        // Vendors on plain http still work, and everything else of the platform.
        tracing::error!("no trusted root certificates: https vendors cannot be reached");
    }
    Ok(roots)
}

/// Bounds name, TCP and TLS together.
#[derive(Clone)]
pub(crate) struct Connector {
    https: HttpsConnector<Guarded>,
    timeout: Duration,
}

impl Service<Uri> for Connector {
    type Response = <HttpsConnector<Guarded> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = time::timeout(self.timeout, self.https.call(uri));
        Box::pin(async move { connecting.await.map_err(|_| ConnectError::TimedOut)? })
    }
}

/// TCP to addresses that may be connected to.
#[derive(Clone)]
pub(crate) struct Guarded(Arc<UpstreamAllow>);

impl Service<Uri> for Guarded {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let allow = Arc::clone(&self.0);
        Box::pin(async move {
            let https = uri.scheme_str() == Some("https");
            let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
            let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
            let resolved: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
            let stream = connect_any(permitted(&allow, https, host, &resolved)?).await?;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(stream))
        })
    }
}

/// The addresses that may be used, or why there is none.
fn permitted(
    allow: &UpstreamAllow,
    https: bool,
    host: &str,
    resolved: &[SocketAddr],
) -> Result<Vec<SocketAddr>, ConnectError> {
    let mut refused = None;
    let mut good = Vec::new();
    for address in resolved {
        match allow.permit(https, host, *address) {
            Ok(()) => good.push(*address),
            Err(why) => refused = Some(why),
        }
    }
    good.truncate(MAX_ADDRESSES);
    match refused {
        Some(why) if good.is_empty() => Err(why.into()),
        _ if good.is_empty() => Err(ConnectError::NoAddress),
        _ => Ok(good),
    }
}

/// The first connection that comes about; each next address gets its try a little later.
async fn connect_any(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    if let [only] = addresses.as_slice() {
        return TcpStream::connect(*only).await;
    }
    let tries = (0u32..).zip(addresses).map(|(turn, address)| {
        Box::pin(async move {
            time::sleep(STAGGER * turn).await;
            TcpStream::connect(address).await
        })
    });
    futures::future::select_ok(tries).await.map(|(stream, _)| stream)
}

#[cfg(test)]
mod tests;
