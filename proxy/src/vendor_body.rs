//! The body of a vendor's answer, of which the beginning may have been looked at already.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;

/// Most of an error that is looked at, in bytes.
const LOOK: usize = 16 << 10;
/// How long the body of an error is waited for. What has not come by then is passed on as it comes.
const WAIT: Duration = Duration::from_secs(1);

/// What a vendor sends. Dropping it before its end cancels the request at the vendor.
#[derive(Debug)]
pub(crate) struct VendorBody {
    /// What was looked at, in the order in which it came.
    seen: VecDeque<Result<Frame<Bytes>, hyper::Error>>,
    rest: Incoming,
}

impl VendorBody {
    pub(crate) fn new(rest: Incoming) -> Self {
        Self { seen: VecDeque::new(), rest }
    }

    /// The beginning of the body, without taking it away.
    pub(crate) async fn look(&mut self) -> Vec<u8> {
        let end = Instant::now() + WAIT;
        let mut text = Vec::new();
        while text.len() < LOOK {
            let Ok(Some(frame)) = tokio::time::timeout_at(end, self.rest.frame()).await else { break };
            if let Some(data) = frame.as_ref().ok().and_then(Frame::data_ref) {
                text.extend_from_slice(data);
            }
            let broken = frame.is_err();
            self.seen.push_back(frame);
            if broken {
                break;
            }
        }
        text
    }
}

impl Body for VendorBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        match this.seen.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None => Pin::new(&mut this.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.seen.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let seen = self.seen.iter().filter_map(|frame| frame.as_ref().ok()?.data_ref());
        let seen: u64 = seen.map(|data| data.len() as u64).sum();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(seen));
        }
        hint.set_lower(rest.lower().saturating_add(seen));
        hint
    }
}
