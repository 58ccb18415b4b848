//! The body of a request on its way to the vendor: held bytes, or the client's as they come, bounded.

use crate::ports::BoxError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Limited, combinators::UnsyncBoxBody};
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// The body of a request to a vendor.
pub(crate) enum UpstreamBody {
    /// All of it, or nothing.
    Held(Option<Bytes>),
    /// As it comes.
    Streamed(UnsyncBoxBody<Bytes, BoxError>),
}

impl UpstreamBody {
    pub(crate) fn held(bytes: Bytes) -> Self {
        Self::Held(if bytes.is_empty() { None } else { Some(bytes) })
    }

    /// Passes `body` on; it fails with `http_body_util::LengthLimitError` beyond `limit` bytes.
    pub(crate) fn streamed<B>(body: B, limit: u64) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self::Streamed(Limited::new(body.map_err(Into::into), limit).boxed_unsync())
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Held(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Streamed(body) => Pin::new(body).poll_frame(context),
        }
    }
    fn is_end_stream(&self) -> bool {
        match self {
            Self::Held(bytes) => bytes.is_none(),
            Self::Streamed(body) => body.is_end_stream(),
        }
    }
    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Held(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Streamed(body) => body.size_hint(),
        }
    }
}
