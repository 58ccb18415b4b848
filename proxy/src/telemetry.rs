//! The proxy's metrics, each named and described once. Labels are bounded: vendors of the table, codes of a closed list,
//! classes of status, kinds of tokens; never a model, a bot or a tenant.

mod requests;

pub(crate) use requests::{InFlight, RequestMetrics};

use crate::key_states::STATES;
use clawplane_eventstore::Position;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use std::time::Duration;

/// Says what each metric is. Called once the recorder is there.
pub(crate) fn describe() {
    let c = |name: &'static str, text: &'static str| describe_counter!(name, Unit::Count, text);
    c("clawplane_proxy_requests_total", "Requests that ended, by vendor and class of status");
    c("clawplane_proxy_errors_total", "Requests that failed, by vendor and code");
    c("clawplane_proxy_unauthenticated_total", "Requests without a known, valid gateway token");
    c(
        "clawplane_proxy_tokens_total",
        "Tokens by vendor and kind; cached_input and cache_write are part of input, reasoning of output",
    );
    c("clawplane_proxy_fallbacks_total", "Requests that went to another vendor, by the one that was asked");
    c("clawplane_proxy_cost_micros_total", "Cost in millionths of a dollar, by vendor");
    c(
        "clawplane_proxy_unpriced_requests_total",
        "Requests that used tokens whose price is not known, by vendor",
    );
    c("clawplane_proxy_estimated_requests_total", "Requests whose tokens are an estimate, by vendor");
    c("clawplane_proxy_spool_corrupt_total", "Records of the spool that could not be read");
    c(
        "clawplane_proxy_spool_dropped_refusals_total",
        "Refusals of the proxy's own that found no room in the spool",
    );
    c("clawplane_proxy_quota_leases_total", "Questions about slices of a quota, by outcome");
    c("clawplane_proxy_key_states_total", "Changes of provider keys' states that this proxy saw first");
    c("clawplane_proxy_retries_total", "Requests that were tried again with another key, by vendor");
    c("clawplane_proxy_skipped_events_total", "Events that the proxy's directory could not take in");
    let s = |name: &'static str, text: &'static str| describe_histogram!(name, Unit::Seconds, text);
    s(
        "clawplane_proxy_ttfb_seconds",
        "From a request's arrival to the head of the vendor's answer, by vendor",
    );
    s("clawplane_proxy_request_seconds", "From a request's arrival to its end, by vendor");
    s(
        "clawplane_proxy_added_seconds",
        "What the proxy itself adds: from a request's arrival until it is sent, the reading of its body included, and from the last piece of the answer to its end",
    );
    describe_gauge!("clawplane_proxy_in_flight", Unit::Count, "Requests in flight");
    describe_gauge!("clawplane_proxy_keys", Unit::Count, "Provider keys of all tenants by vendor and state");
    describe_gauge!(
        "clawplane_proxy_spool_pending",
        Unit::Count,
        "Usage records that are not in Postgres yet"
    );
    describe_gauge!("clawplane_proxy_spool_bytes", Unit::Bytes, "Bytes of the spool on the disk");
    describe_gauge!(
        "clawplane_proxy_upload_lag_seconds",
        Unit::Seconds,
        "Age of the oldest usage record that is not in Postgres yet"
    );
    describe_gauge!(
        "clawplane_proxy_directory_position",
        Unit::Count,
        "Position in the feed that tokens, keys and quotas are known up to"
    );
}

/// A request without a known token was refused.
pub(crate) fn unauthenticated() {
    counter!("clawplane_proxy_unauthenticated_total").increment(1);
}

/// How many records are not in Postgres yet, the age of the oldest of them, and the bytes on the disk.
#[expect(clippy::cast_precision_loss, reason = "a gauge")]
pub(crate) fn spool(pending: u64, lag: Duration, bytes: u64) {
    gauge!("clawplane_proxy_spool_pending").set(pending as f64);
    gauge!("clawplane_proxy_upload_lag_seconds").set(lag.as_secs_f64());
    gauge!("clawplane_proxy_spool_bytes").set(bytes as f64);
}

/// Records of the spool that could not be read.
pub(crate) fn corrupt_records(count: u64) {
    counter!("clawplane_proxy_spool_corrupt_total").increment(count);
}

/// A refusal of the proxy's own found no room in the spool. The vendor never saw its request.
pub(crate) fn dropped_refusal() {
    counter!("clawplane_proxy_spool_dropped_refusals_total").increment(1);
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

/// A provider key of `vendor` went into a state: `healthy`, `cooling` or `disabled`.
pub(crate) fn key_state(vendor: &'static str, state: &'static str) {
    counter!("clawplane_proxy_key_states_total", "vendor" => vendor, "state" => state).increment(1);
}

/// How many keys of `vendor` are in each of the states.
pub(crate) fn keys(vendor: &'static str, counts: &[u32; STATES.len()]) {
    for (state, count) in STATES.into_iter().zip(counts) {
        gauge!("clawplane_proxy_keys", "vendor" => vendor, "state" => state).set(f64::from(*count));
    }
}

/// A request goes to another vendor than the one that was asked.
pub(crate) fn fell_back(asked: &'static str, to: &'static str) {
    counter!("clawplane_proxy_fallbacks_total", "vendor" => asked, "to" => to).increment(1);
}

/// A request was tried again with another key.
pub(crate) fn tried_again(vendor: &'static str) {
    counter!("clawplane_proxy_retries_total", "vendor" => vendor).increment(1);
}
