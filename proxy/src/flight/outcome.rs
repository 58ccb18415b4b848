//! How a request ended, and everybody who has to know: the price, the quota, the metrics, the log, the spool.

use super::{BYTES_A_TOKEN, Ending, Flight, Stage, millis};
use crate::{
    meter::Reading,
    observe::{self, Ended, vendor_code},
    quota::Amount,
    refusal::CLIENT_DISCONNECTED,
};
use clawplane_domain::usage::Tokens;
use std::time::Duration;

impl Flight {
    /// The answer has ended; `reading` is what it said, `tail` the time since its last piece came.
    pub(crate) fn end(mut self, reading: &Reading, ending: Ending, tail: Duration) {
        self.tail = tail;
        self.read(reading, ending);
        self.record_now();
    }

    fn read(&mut self, reading: &Reading, ending: Ending) {
        let record = &mut self.record;
        let over = reading.finished || reading.settled || !record.stream;
        record.interrupted = match ending {
            Ending::Complete => self.generative && record.status < 400 && !over,
            Ending::Broken(_) | Ending::ClientGone => !reading.finished,
        };
        let code = match ending {
            _ if reading.failed && record.status < 400 => Some("upstream_error"),
            Ending::Broken(code) if record.interrupted => Some(code),
            Ending::ClientGone if record.interrupted => Some(CLIENT_DISCONNECTED),
            _ => None,
        };
        record.error = code.map(str::to_owned);
        self.code = code.or_else(|| vendor_code(record.status));
        if let Some(model) = reading.model.as_deref().and_then(|model| model.parse().ok()) {
            record.model = Some(model);
        }
        record.service_tier.clone_from(&reading.service_tier);
        let written = reading.text_bytes.div_ceil(BYTES_A_TOKEN);
        let expected = record.tokens.input_tokens;
        match reading.tokens {
            Some(tokens) if reading.settled && reading.input_unknown && self.generative => {
                record.tokens = Tokens { input_tokens: expected, ..tokens };
                record.estimated = true;
            }
            Some(tokens) if reading.settled => (record.tokens, record.estimated) = (tokens, false),
            Some(tokens) => {
                record.tokens = Tokens { output_tokens: tokens.output_tokens.max(written), ..tokens };
                record.estimated = true;
            }
            None if record.status >= 400 || !self.generative => self.nothing_used(),
            // A vendor that fails before the first word charges nothing.
            None if reading.failed && written == 0 => {
                self.free = true;
                self.nothing_used();
            }
            // The input is the estimate of the intent.
            None => record.tokens.output_tokens = written,
        }
    }

    pub(super) fn nothing_used(&mut self) {
        self.record.tokens = Tokens::default();
        self.record.estimated = false;
    }

    pub(super) fn record_now(&mut self) {
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
            let tier = record.service_tier.clone();
            self.prices.put(record, tier.as_deref(), self.asked_model.as_deref());
        } else if self.free || here || record.status >= 400 {
            record.cost_micros = Some(0);
        }
        self.add_elsewhere();
        let record = &self.record;
        if let Some(reservation) = self.reservation.take() {
            let used = Amount { tokens: record.tokens.total(), cost_micros: record.cost_micros.unwrap_or(0) };
            reservation.settle(record.at, self.recorder.clock.now(), used);
        }
        let added = self.sent.map(|sent| sent - self.start + self.tail);
        let ended = Ended {
            record: &self.record,
            vendor: self.vendor,
            code: self.code,
            operation: self.operation,
            asked_model: self.asked_model.as_deref(),
            ttfb: self.ttfb,
            duration: self.start.elapsed(),
            added,
            whence: self.whence.as_deref(),
        };
        self.recorder.metrics.ended(&ended);
        observe::access(&ended);
        if let Some(observer) = &self.recorder.observer {
            observer.ended(&ended);
        }
        self.recorder.spool.close(self.record.clone(), self.begun);
    }
}
