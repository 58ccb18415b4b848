//! The client's body: held and read where the proxy has to know what is asked, passed on as it comes otherwise.

use crate::{
    ports::BoxError,
    refusal::Refusal,
    request::{self, Asked},
    upstream_body::UpstreamBody,
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, header, request::Parts};
use http_body::Body;
use http_body_util::BodyExt;
use std::{
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How much memory bodies may have together.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicU64,
    limit: u64,
}

/// A share of the budget; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Self { used: AtomicU64::new(0), limit }
    }

    pub(crate) fn share(&self) -> Share<'_> {
        Share { budget: self, bytes: 0 }
    }
}

impl Share<'_> {
    fn grow(&mut self, bytes: u64) -> Result<(), Refusal> {
        self.bytes += bytes;
        let before = self.budget.used.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.budget.limit { Err(Refusal::overloaded()) } else { Ok(()) }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Limits of a body.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
}

/// A body that was taken in.
pub(crate) struct Taken {
    pub(crate) body: Intake,
    pub(crate) asked: Asked,
    /// In bytes, as far as it is known.
    pub(crate) length: u64,
}

/// Held so that it can still be changed, or passed on.
pub(crate) enum Intake {
    Held(Bytes),
    Passed(UpstreamBody),
}

impl Taken {
    /// Asks for the usage chunk, where the body is held and can be changed.
    pub(crate) fn ask_for_usage(&mut self) -> bool {
        let Intake::Held(bytes) = &self.body else { return false };
        let Some(changed) = request::ask_for_usage(bytes) else { return false };
        self.body = Intake::Held(changed);
        true
    }

    /// What is held of it; `None` where it is passed on unread.
    pub(crate) fn held(&self) -> Option<&Bytes> {
        match &self.body {
            Intake::Held(bytes) => Some(bytes),
            Intake::Passed(_) => None,
        }
    }

    pub(crate) fn into_body(self) -> UpstreamBody {
        match self.body {
            Intake::Held(bytes) => UpstreamBody::held(bytes),
            Intake::Passed(body) => body,
        }
    }
}

/// Takes a body in. A JSON body of a POST is held and read, whatever else there is is passed on.
pub(crate) async fn take<B>(
    parts: &Parts,
    body: B,
    limits: Limits,
    share: &mut Share<'_>,
) -> Result<Taken, Refusal>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let length = body.size_hint().exact();
    if length.is_some_and(|length| length > limits.bytes) {
        return Err(Refusal::too_large(limits.bytes));
    }
    if body.is_end_stream() {
        return Ok(Taken { body: Intake::Held(Bytes::new()), asked: Asked::default(), length: 0 });
    }
    if parts.method != Method::POST || !is_json(&parts.headers) {
        let passed = Intake::Passed(UpstreamBody::streamed(body, limits.bytes));
        return Ok(Taken { body: passed, asked: Asked::default(), length: length.unwrap_or(0) });
    }
    let holding = hold(body, limits.bytes, share);
    let Ok(bytes) = tokio::time::timeout(limits.time, holding).await else {
        let message = "the request's body did not come in time";
        return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message));
    };
    let bytes = bytes?;
    let asked = request::read(&bytes);
    let length = bytes.len() as u64;
    Ok(Taken { body: Intake::Held(bytes), asked, length })
}

/// A body without a type is JSON for the vendors' APIs, too.
fn is_json(headers: &HeaderMap) -> bool {
    // Compressed, it can be neither read nor changed.
    if headers.contains_key(header::CONTENT_ENCODING) {
        return false;
    }
    headers.get(header::CONTENT_TYPE).is_none_or(|value| {
        let kind = value.as_bytes().split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
        let kind = kind.to_ascii_lowercase();
        kind.ends_with(b"/json") || kind.ends_with(b"+json")
    })
}

async fn hold<B>(body: B, limit: u64, share: &mut Share<'_>) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let expected = body.size_hint().exact();
    let mut body = pin!(body);
    let (mut first, mut rest, mut length) = (None, BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let error: BoxError = error.into();
            tracing::debug!(%error, "a client's body broke off");
            Refusal::new(StatusCode::BAD_REQUEST, "request_interrupted", "the request's body broke off")
        })?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len() as u64;
        if length > limit {
            return Err(Refusal::too_large(limit));
        }
        share.grow(data.len() as u64)?;
        // A body in one piece, as most are, is not copied.
        if expected == Some(length) && rest.is_empty() {
            first = Some(data);
            continue;
        }
        if first.is_none() && rest.is_empty() {
            let room = expected.and_then(|expected| usize::try_from(expected).ok()).unwrap_or(0);
            rest.reserve(room.min(1 << 20).max(data.len()));
        }
        if let Some(first) = first.take() {
            rest.extend_from_slice(&first);
        }
        rest.extend_from_slice(&data);
    }
    Ok(first.unwrap_or_else(|| rest.freeze()))
}
