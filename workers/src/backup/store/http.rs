//! The way to a bucket: hyper, and the TLS that the proxy has too, so that the process has one of each.

use async_trait::async_trait;
use http_body_util::BodyExt;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector as Tcp},
    rt::TokioExecutor,
};
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
        HttpResponseBody, HttpService,
    },
};
use std::{io, time::Duration};
use tokio::time::timeout;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for the head of an answer: a part has to be there by then.
const HEAD: Duration = Duration::from_mins(3);
/// Longest silence within an answer.
const SILENCE: Duration = Duration::from_mins(1);

/// Makes such clients.
#[derive(Debug)]
pub(super) struct OwnHttp;

impl HttpConnector for OwnHttp {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let fault =
            |source: io::Error| object_store::Error::Generic { store: "S3", source: Box::new(source) };
        let provider = rustls::crypto::ring::default_provider();
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)
            .map_err(fault)?
            .https_or_http()
            .enable_http1();
        let mut tcp = Tcp::new();
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.enforce_http(false);
        let client = Client::builder(TokioExecutor::new()).build(https.wrap_connector(tcp));
        Ok(HttpClient::new(Own(client)))
    }
}

#[derive(Debug)]
struct Own(Client<HttpsConnector<Tcp>, HttpRequestBody>);

#[async_trait]
impl HttpService for Own {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = timeout(HEAD, self.0.request(request)).await.map_err(|_| silent())?;
        let answer = answer.map_err(|error| {
            let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Request };
            HttpError::new(kind, error)
        })?;
        let (parts, body) = answer.into_parts();
        let stream = futures::stream::unfold(body, |mut body| async move {
            match timeout(SILENCE, body.frame()).await {
                Ok(Some(frame)) => {
                    Some((frame.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error)), body))
                }
                Ok(None) => None,
                Err(_) => Some((Err(silent()), body)),
            }
        });
        let body = HttpResponseBody::new(http_body_util::StreamBody::new(Box::pin(stream)));
        Ok(HttpResponse::from_parts(parts, body))
    }
}

fn silent() -> HttpError {
    HttpError::new(HttpErrorKind::Timeout, io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))
}
