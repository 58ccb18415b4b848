//! The body of an answer: bytes of ours, or the vendor's as they come, metered on the way.

use crate::{
    config::Timeouts,
    flight::{Ending, Flight},
    meter::Meter,
    ports::BoxError,
    strip::Stripper,
    vendor_body::VendorBody,
};
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

/// The body of an answer.
pub struct ProxyBody(Kind);

enum Kind {
    Own(Option<Bytes>),
    Vendor(Box<Metered>),
}

impl ProxyBody {
    pub(crate) fn own(bytes: Bytes) -> Self {
        Self(Kind::Own(if bytes.is_empty() { None } else { Some(bytes) }))
    }
    pub(crate) fn vendor(body: Metered) -> Self {
        Self(Kind::Vendor(Box::new(body)))
    }
}

impl Body for ProxyBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Kind::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Vendor(body) => body.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Own(bytes) => bytes.is_none(),
            Kind::Vendor(body) => body.over && body.trailers.is_none() && body.error.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Vendor(body) if body.stripper.is_some() => SizeHint::default(),
            Kind::Vendor(body) => body.inner.size_hint(),
        }
    }
}

/// A body that a vendor sends. Dropping it before its end cancels the request at the vendor.
pub(crate) struct Metered {
    inner: VendorBody,
    meter: Meter,
    stripper: Option<Stripper>,
    /// Gone once the request is recorded.
    flight: Option<Flight>,
    /// Nothing more comes out.
    over: bool,
    /// Trailers that wait for bytes before them.
    trailers: Option<Frame<Bytes>>,
    /// An error that waits until the bytes before it are on their way: a server drops what it holds at an error.
    error: Option<BoxError>,
    timeouts: Timeouts,
    deadline: Instant,
    /// The vendor is being waited for, since `last`. A client that does not read is not the vendor's silence.
    waiting: bool,
    last: Instant,
    /// When the last piece came.
    piece: Option<Instant>,
    /// Made when it is waited for the first time.
    sleep: Option<Pin<Box<Sleep>>>,
    /// Where it is to be read to its end without a client too: until this is cancelled.
    keep: Option<CancellationToken>,
}

impl Metered {
    pub(crate) fn new(
        inner: VendorBody,
        meter: Meter,
        strip: bool,
        flight: Flight,
        (timeouts, deadline): (Timeouts, Instant),
        keep: Option<CancellationToken>,
    ) -> Self {
        let mut body = Self {
            over: false,
            inner,
            meter,
            stripper: strip.then(Stripper::default),
            flight: Some(flight),
            trailers: None,
            error: None,
            timeouts,
            deadline,
            waiting: false,
            last: Instant::now(),
            piece: None,
            sleep: None,
            keep,
        };
        if body.inner.is_end_stream() {
            body.over = true;
            body.end(Ending::Complete);
        }
        body
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.over {
            let error = self.error.take().map(Err);
            return Poll::Ready(error.or_else(|| self.trailers.take().map(Ok)));
        }
        // A vendor that never pauses is bounded, too, and so is a client that takes little at a time.
        if Instant::now() >= self.deadline {
            return Poll::Ready(Some(Err(self.too_late())));
        }
        loop {
            let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) else {
                return self.wait(context).map(|error| Some(Err(error)));
            };
            self.waiting = false;
            self.piece = Some(Instant::now());
            let out = match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.take(data),
                    Err(trailers) => {
                        self.trailers = Some(trailers);
                        self.close()
                    }
                },
                Some(Err(error)) => {
                    self.over = true;
                    self.end(Ending::Broken("upstream_interrupted"));
                    self.error = Some(error.into());
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                None => self.close(),
            };
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(out))));
            }
            if self.over {
                return Poll::Ready(self.trailers.take().map(Ok));
            }
        }
    }

    /// Meters a piece; what the client gets of it. The request is recorded before the client has its last byte.
    fn take(&mut self, data: Bytes) -> Bytes {
        self.meter.push(&data);
        let out = match &mut self.stripper {
            Some(stripper) => stripper.push(data),
            None => data,
        };
        if !self.inner.is_end_stream() {
            return out;
        }
        let rest = self.close();
        if rest.is_empty() {
            return out;
        }
        let mut both = BytesMut::from(out);
        both.extend_from_slice(&rest);
        both.freeze()
    }

    fn close(&mut self) -> Bytes {
        self.over = true;
        self.end(Ending::Complete);
        self.stripper.as_mut().map(Stripper::end).unwrap_or_default()
    }

    fn end(&mut self, ending: Ending) {
        if let Some(flight) = self.flight.take() {
            let reading = self.meter.end(ending == Ending::Complete);
            // What somebody waits for after the end is not the proxy's time.
            let tail =
                if ending == Ending::Complete { self.piece.map(|piece| piece.elapsed()) } else { None };
            flight.end(reading, ending, tail.unwrap_or_default());
        }
    }

    /// Nothing is there: is it too late?
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<BoxError> {
        if !std::mem::replace(&mut self.waiting, true) {
            self.last = Instant::now();
        }
        loop {
            let at = (self.last + self.timeouts.idle).min(self.deadline);
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            if now < at {
                // It was set before the last piece came.
                sleep.as_mut().reset(at);
                continue;
            }
            if now >= self.deadline {
                return Poll::Ready(self.too_late());
            }
            self.over = true;
            self.end(Ending::Broken("upstream_idle_timeout"));
            return Poll::Ready("the vendor was silent for too long".into());
        }
    }

    fn too_late(&mut self) -> BoxError {
        self.over = true;
        self.end(Ending::Broken("upstream_total_timeout"));
        "the request took too long as a whole".into()
    }
}

impl Drop for ProxyBody {
    /// The client went away. What has to be known exactly is read on, in a task of its own; its flight is counted, so that
    /// a stop waits for it.
    fn drop(&mut self) {
        let Kind::Vendor(body) = std::mem::replace(&mut self.0, Kind::Own(None)) else { return };
        let Some(keep) = body.keep.clone().filter(|keep| !body.over && !keep.is_cancelled()) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(read_on(body, keep));
        }
    }
}

/// Reads to the end, at most until the request's deadline.
async fn read_on(mut body: Box<Metered>, keep: CancellationToken) {
    let deadline = body.deadline;
    let reading = async {
        while std::future::poll_fn(|context| body.poll(context)).await.is_some_and(|frame| frame.is_ok()) {}
    };
    tokio::select! {
        _ = tokio::time::timeout_at(deadline, reading) => {}
        () = keep.cancelled() => {}
    }
}

impl Drop for Metered {
    /// Dropped before the end: the client went away.
    fn drop(&mut self) {
        self.end(Ending::ClientGone);
    }
}
