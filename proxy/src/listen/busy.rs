//! One request of a connection: checked for what no honest client sends, and counted until its answer has ended.

use super::places::Busy;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::{
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

/// The body of an answer; its connection is busy for as long as it is there.
pub(super) struct Tracked<B> {
    inner: Option<B>,
    _busy: Busy,
}

/// Answers a request.
pub(super) async fn answer<H, F, B>(
    peer: SocketAddr,
    request: Request<Incoming>,
    busy: Busy,
    handle: H,
) -> Response<Tracked<B>>
where
    H: Fn(SocketAddr, Request<Incoming>) -> F,
    F: Future<Output = Response<B>>,
{
    if is_ambiguous(&request) {
        let mut response = Response::new(Tracked { inner: None, _busy: busy });
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    // Somebody in front of us may have gone by a length beside the encoding, which is dropped by now (RFC 9112, section
    // 6.1): what comes behind such a request on its connection is not believed to be one.
    let last = request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut response = handle(peer, request).await.map(|body| Tracked { inner: Some(body), _busy: busy });
    if last {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether it does not say, or says twice, whom it is for (RFC 9112, section 3.2).
fn is_ambiguous<B>(request: &Request<B>) -> bool {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11 && request.uri().authority().is_none())
}

impl<B: Body<Data = Bytes> + Unpin> Body for Tracked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match &mut self.get_mut().inner {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }
    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }
    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
