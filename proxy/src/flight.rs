//! One request from its token to its usage event. However it ends, dropped futures included, it is recorded once.

use crate::{
    meter::Reading,
    price::Prices,
    quota::{Amount, Reservation},
    refusal::{CLIENT_DISCONNECTED, CLIENT_GONE, Refusal},
    spool::{Spool, SpoolError},
    telemetry,
};
use clawplane_domain::{
    KeyId, RequestId, Timestamp,
    clock::Clock,
    usage::{Tokens, UsageRecorded},
    values::VendorId,
};
use std::sync::Arc;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Bytes of text a token has on average, for estimates.
pub(crate) const BYTES_A_TOKEN: u64 = 4;

/// What flights share.
pub(crate) struct Recorder {
    pub(crate) spool: Arc<Spool>,
    pub(crate) prices: Prices,
    pub(crate) clock: Arc<dyn Clock>,
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
    record: UsageRecorded,
    start: Instant,
    stage: Stage,
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
    reservation: Option<Reservation>,
    _counted: telemetry::InFlight,
    _token: TaskTrackerToken,
}

impl Flight {
    pub(crate) fn new(
        recorder: Arc<Recorder>,
        arrival: Arrival,
        caller: &crate::directory::Caller,
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
            cost_micros: None,
            price_version: None,
            estimated: false,
            interrupted: true,
            ttfb_ms: None,
            duration_ms: 0,
            at: arrival.at,
            attempts: 1,
        };
        Self {
            recorder,
            record,
            start: arrival.start,
            stage: Stage::Here,
            vendor: "unknown",
            asked_model: None,
            generative: false,
            free: false,
            input: 0,
            lost: 0,
            reservation: None,
            _counted: telemetry::InFlight::start(),
            _token: token,
        }
    }

    pub(crate) fn vendor(&mut self, id: &'static str) {
        self.vendor = id;
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
    pub(crate) fn send(&mut self, key: KeyId, input: u64) -> Result<(), SpoolError> {
        let idle = self.record.clone();
        self.record.key_id = Some(key);
        self.record.error = Some("proxy_stopped".to_owned());
        if self.generative {
            self.record.tokens.input_tokens = input;
            self.record.estimated = true;
        }
        if let Err(error) = self.recorder.spool.begin(&self.record) {
            self.record = idle;
            return Err(error);
        }
        self.record.error = None;
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
        telemetry::first_byte(self.vendor, after);
        self.record.ttfb_ms = Some(millis(after));
        self.record.status = status;
        self.record.stream = stream;
        self.stage = Stage::Answered;
    }

    /// The proxy answers by itself. `consumed` when the vendor may have worked on it nevertheless.
    pub(crate) fn refuse(mut self, refusal: &Refusal, consumed: bool) {
        self.record.status = refusal.status.as_u16();
        self.record.error = Some(refusal.code.to_owned());
        self.record.interrupted = consumed;
        if !consumed {
            self.nothing_used();
        }
        self.record_now(None);
    }

    /// The answer has ended; `reading` is what it said.
    pub(crate) fn end(mut self, reading: &Reading, ending: Ending) {
        self.read(reading, ending);
        self.record_now(reading.service_tier.as_deref());
    }

    fn read(&mut self, reading: &Reading, ending: Ending) {
        let record = &mut self.record;
        let over = reading.finished || reading.settled || !record.stream;
        record.interrupted = match ending {
            Ending::Complete => self.generative && record.status < 400 && !over,
            Ending::Broken(_) | Ending::ClientGone => !reading.finished,
        };
        record.error = match ending {
            _ if reading.failed && record.status < 400 => Some("upstream_error".to_owned()),
            Ending::Broken(code) if record.interrupted => Some(code.to_owned()),
            Ending::ClientGone if record.interrupted => Some(CLIENT_DISCONNECTED.to_owned()),
            _ => None,
        };
        if let Some(model) = reading.model.as_deref().and_then(|model| model.parse().ok()) {
            record.model = Some(model);
        }
        let written = reading.text_bytes.div_ceil(BYTES_A_TOKEN);
        match reading.tokens {
            Some(tokens) if reading.settled => (record.tokens, record.estimated) = (tokens, false),
            Some(tokens) => {
                record.tokens = Tokens { output_tokens: tokens.output_tokens.max(written), ..tokens };
                record.estimated = true;
            }
            None if record.status >= 400 || !self.generative => self.nothing_used(),
            // The input is the estimate of the intent.
            None => record.tokens.output_tokens = written,
        }
    }

    fn nothing_used(&mut self) {
        self.record.tokens = Tokens::default();
        self.record.estimated = false;
    }

    fn record_now(&mut self, tier: Option<&str>) {
        if self.stage == Stage::Recorded {
            return;
        }
        let here = std::mem::replace(&mut self.stage, Stage::Recorded) == Stage::Here;
        let record = &mut self.record;
        record.duration_ms = millis(self.start.elapsed());
        if self.lost > 0 {
            record.tokens.input_tokens = record.tokens.input_tokens.saturating_add(self.lost);
            record.estimated = true;
        }
        if record.tokens != Tokens::default() {
            self.recorder.prices.put(record, tier, self.asked_model.as_deref());
        } else if self.free || here || record.status >= 400 {
            record.cost_micros = Some(0);
        }
        if let Some(reservation) = self.reservation.take() {
            let used = Amount { tokens: record.tokens.total(), cost_micros: record.cost_micros.unwrap_or(0) };
            reservation.settle(record.at, self.recorder.clock.now(), used);
        }
        telemetry::request(self.vendor, record.status);
        self.recorder.spool.close(record.clone());
    }
}

impl Drop for Flight {
    /// Whoever was waiting for the answer's head is gone.
    fn drop(&mut self) {
        if self.stage != Stage::Recorded {
            self.record.error = Some(CLIENT_DISCONNECTED.to_owned());
            self.record_now(None);
        }
    }
}

fn millis(duration: std::time::Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
