//! One request from its token to its usage event. However it ends, dropped futures included, it is recorded once.

mod elsewhere;
mod outcome;

use crate::{
    observe::{self, Observer, Operation},
    price::{Book, PriceList, Prices},
    quota::Reservation,
    refusal::{CLIENT_DISCONNECTED, CLIENT_GONE, Refusal},
    spool::{Spool, SpoolError},
    telemetry::{InFlight, RequestMetrics},
};
use clawplane_domain::{
    KeyId, RequestId, Timestamp,
    clock::Clock,
    usage::{Tokens, UsageRecorded},
    values::VendorId,
};
use elsewhere::Elsewhere;
use http::{HeaderMap, Uri};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Bytes of text a token has on average, for estimates.
pub(crate) const BYTES_A_TOKEN: u64 = 4;

/// What flights share.
pub(crate) struct Recorder {
    pub(crate) spool: Arc<Spool>,
    pub(crate) prices: PriceList,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) metrics: RequestMetrics,
}

/// When a request arrived.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) id: RequestId,
    pub(crate) at: Timestamp,
    pub(crate) start: Instant,
}

/// How far a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The vendor has not heard of it.
    Here,
    /// It is on its way, or there.
    Sent,
    /// The client has the answer's head.
    Answered,
    Recorded,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The vendor sent all of it.
    Complete,
    /// The vendor broke it off, or was too slow; with our code for it.
    Broken(&'static str),
    /// The client went away.
    ClientGone,
}

/// A request in flight.
pub(crate) struct Flight {
    recorder: Arc<Recorder>,
    /// As known when it arrived: what is said later counts for later requests.
    prices: Prices,
    record: UsageRecorded,
    start: Instant,
    /// When the vendor was first sent it.
    sent: Option<Instant>,
    ttfb: Option<Duration>,
    /// What the proxy itself took behind the last piece of the answer.
    tail: Duration,
    code: Option<&'static str>,
    operation: Operation,
    /// Only for an observer.
    whence: Option<Box<observe::Whence>>,
    stage: Stage,
    /// Its intent is in the spool.
    begun: bool,
    vendor: &'static str,
    asked_model: Option<String>,
    /// The answer is something that costs tokens: where it does not say how many, they are estimated.
    generative: bool,
    /// It is known to cost nothing.
    free: bool,
    /// The estimate of its input, in tokens.
    input: u64,
    /// Input of earlier tries that the vendor may have worked on without ever saying so, in tokens.
    lost: u64,
    elsewhere: Elsewhere,
    reservation: Option<Reservation>,
    _counted: InFlight,
    _token: TaskTrackerToken,
}

impl Flight {
    pub(crate) fn new(
        recorder: Arc<Recorder>,
        arrival: Arrival,
        caller: &crate::directory::Caller,
        book: Arc<Book>,
        vendor: VendorId,
        token: TaskTrackerToken,
    ) -> Self {
        let record = UsageRecorded {
            request_id: arrival.id,
            tenant_id: caller.tenant_id,
            bot_id: caller.bot_id,
            key_id: None,
            vendor,
            model: None,
            status: CLIENT_GONE,
            error: None,
            stream: false,
            tokens: Tokens::default(),
            service_tier: None,
            cost_micros: None,
            price_version: None,
            estimated: false,
            interrupted: true,
            ttfb_ms: None,
            duration_ms: 0,
            at: arrival.at,
            attempts: 1,
        };
        let counted = recorder.metrics.in_flight();
        Self {
            prices: Prices::new(recorder.prices, book),
            recorder,
            record,
            start: arrival.start,
            sent: None,
            ttfb: None,
            tail: Duration::ZERO,
            code: None,
            operation: Operation::Other,
            whence: None,
            stage: Stage::Here,
            begun: false,
            vendor: "unknown",
            asked_model: None,
            generative: false,
            free: false,
            input: 0,
            lost: 0,
            elsewhere: Elsewhere::default(),
            reservation: None,
            _counted: counted,
            _token: token,
        }
    }

    /// What it will be charged by.
    pub(crate) fn prices(&self) -> &Prices {
        &self.prices
    }

    pub(crate) fn vendor(&mut self, id: &'static str) {
        self.vendor = id;
    }

    /// Where it goes, and what trace it belongs to, for whoever watches.
    pub(crate) fn observed(&mut self, operation: Operation, headers: &HeaderMap, uri: &Uri) {
        self.operation = operation;
        if self.recorder.observer.is_some() {
            self.whence = Some(Box::new(observe::Whence::new(headers, uri)));
        }
    }

    /// What the request said, before it goes on.
    pub(crate) fn asked(&mut self, model: Option<String>, stream: bool, generative: bool) {
        self.record.model = model.as_deref().and_then(|model| model.parse().ok());
        self.record.stream = stream;
        self.asked_model = model;
        self.generative = generative;
    }

    /// Nothing that it reads costs anything.
    pub(crate) fn free(&mut self) {
        self.free = true;
    }

    pub(crate) fn reserved(&mut self, reservation: Reservation) {
        self.reservation = Some(reservation);
    }

    /// Writes the intent: from here on the request counts whatever happens. `input` is an estimate, in tokens.
    pub(crate) async fn send(&mut self, key: KeyId, input: u64) -> Result<(), SpoolError> {
        let mut draft = self.record.clone();
        draft.key_id = Some(key);
        draft.error = Some("proxy_stopped".to_owned());
        if self.generative {
            draft.tokens.input_tokens = input;
            draft.estimated = true;
        }
        let spool = Arc::clone(&self.recorder.spool);
        let written = spool.begin(&draft)?;
        self.begun = true;
        // A client that goes away meanwhile has cost nothing: the vendor has not heard of it.
        spool.durable(written).await?;
        draft.error = None;
        self.record = draft;
        self.sent.get_or_insert_with(Instant::now);
        self.input = if self.generative { input } else { 0 };
        self.stage = Stage::Sent;
        Ok(())
    }

    /// It goes on with another key. `consumed` when the vendor may have worked on the try before. The intent stays
    /// that of the first key: it names the request, once.
    pub(crate) fn again(&mut self, key: KeyId, consumed: bool) {
        self.used(key);
        self.record.attempts = self.record.attempts.saturating_add(1);
        if consumed {
            self.lost = self.lost.saturating_add(self.input);
        }
    }

    /// The client gets what this key led to.
    pub(crate) fn used(&mut self, key: KeyId) {
        self.record.key_id = Some(key);
    }

    /// The last try led to nothing, and the client gets what the one before led to.
    pub(crate) fn lost_last(&mut self, consumed: bool) {
        if consumed {
            self.lost = self.lost.saturating_add(self.input);
        }
    }

    /// The vendor's answer has begun.
    pub(crate) fn answered(&mut self, status: u16, stream: bool) {
        let after = self.start.elapsed();
        self.ttfb = Some(after);
        self.record.ttfb_ms = Some(millis(after));
        self.record.status = status;
        self.record.stream = stream;
        self.stage = Stage::Answered;
    }

    /// The proxy answers by itself. `consumed` when the vendor may have worked on it nevertheless.
    pub(crate) fn refuse(mut self, refusal: &Refusal, consumed: bool) {
        self.record.status = refusal.status.as_u16();
        self.failed(refusal.code);
        self.record.interrupted = consumed;
        if !consumed {
            self.nothing_used();
        }
        self.record_now();
    }

    fn failed(&mut self, code: &'static str) {
        self.code = Some(code);
        self.record.error = Some(code.to_owned());
    }
}

impl Drop for Flight {
    /// Whoever was waiting for the answer's head is gone.
    fn drop(&mut self) {
        if self.stage != Stage::Recorded {
            self.failed(CLIENT_DISCONNECTED);
            self.record_now();
        }
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
