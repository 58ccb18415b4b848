//! The proxy's metrics, each named once.

use clawplane_eventstore::Position;
use metrics::{counter, gauge, histogram};
use std::time::Duration;

/// A request ended with `status` for `vendor`.
pub(crate) fn request(vendor: &'static str, status: u16) {
    counter!("clawplane_proxy_requests_total", "vendor" => vendor, "status" => status.to_string())
        .increment(1);
}

/// A request without a known token was refused.
pub(crate) fn unauthenticated() {
    counter!("clawplane_proxy_unauthenticated_total").increment(1);
}

/// Counts a request as in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight;

impl InFlight {
    pub(crate) fn start() -> Self {
        gauge!("clawplane_proxy_in_flight").increment(1);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!("clawplane_proxy_in_flight").decrement(1);
    }
}

/// From a request's arrival to the first byte of its answer.
pub(crate) fn first_byte(vendor: &'static str, after: Duration) {
    histogram!("clawplane_proxy_ttfb_seconds", "vendor" => vendor).record(after.as_secs_f64());
}

/// How many records are not in Postgres yet, and the age of the oldest of them.
#[expect(clippy::cast_precision_loss, reason = "a gauge")]
pub(crate) fn spool(pending: u64, lag: Duration) {
    gauge!("clawplane_proxy_spool_pending").set(pending as f64);
    gauge!("clawplane_proxy_upload_lag_seconds").set(lag.as_secs_f64());
}

/// Records of the spool that could not be read.
pub(crate) fn corrupt_records(count: u64) {
    counter!("clawplane_proxy_spool_corrupt_total").increment(count);
}

/// A question about slices of a quota ended: `granted`, `starved` or `unanswered`.
pub(crate) fn lease(outcome: &'static str) {
    counter!("clawplane_proxy_quota_leases_total", "outcome" => outcome).increment(1);
}

/// An event that the directory could not take in.
pub(crate) fn skipped_event() {
    counter!("clawplane_proxy_skipped_events_total").increment(1);
}

/// How far the directory is.
#[expect(clippy::cast_precision_loss, reason = "a gauge")]
pub(crate) fn directory_position(position: Position) {
    gauge!("clawplane_proxy_directory_position").set(position.global as f64);
}
