//! The metrics of requests, counted on the data path.

use crate::{observe::Ended, vendors};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use std::{collections::HashMap, sync::OnceLock};

/// What requests are counted by. Handles: to look a metric up by its name and labels costs as much as to price a request.
pub(crate) struct RequestMetrics {
    /// Made when a vendor is asked for the first time.
    vendors: HashMap<&'static str, OnceLock<VendorMetrics>>,
    unknown: OnceLock<VendorMetrics>,
    added: Histogram,
    in_flight: Gauge,
}

/// Those of a vendor.
struct VendorMetrics {
    /// By class of status, from 1xx on.
    requests: [Counter; CLASSES.len()],
    /// By kind.
    tokens: [Counter; KINDS.len()],
    cost: Counter,
    unpriced: Counter,
    estimated: Counter,
    ttfb: Histogram,
    duration: Histogram,
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const KINDS: [&str; 5] = ["input", "cached_input", "cache_write", "output", "reasoning"];

impl RequestMetrics {
    /// Once the recorder is there.
    pub(crate) fn new() -> Self {
        Self {
            vendors: vendors::table().iter().map(|vendor| (vendor.id, OnceLock::new())).collect(),
            unknown: OnceLock::new(),
            added: histogram!("clawplane_proxy_added_seconds"),
            in_flight: gauge!("clawplane_proxy_in_flight"),
        }
    }

    /// A request ended.
    pub(crate) fn ended(&self, ended: &Ended<'_>) {
        let (vendor, record) = (ended.vendor, ended.record);
        let of = self.vendors.get(vendor).unwrap_or(&self.unknown);
        let of = of.get_or_init(|| VendorMetrics::of(vendor));
        if let Some(requests) = of.requests.get(class(record.status)) {
            requests.increment(1);
        }
        if let Some(code) = ended.code {
            counter!("clawplane_proxy_errors_total", "vendor" => vendor, "code" => code).increment(1);
        }
        let tokens = &record.tokens;
        let counts = [
            tokens.input_tokens,
            tokens.cached_input_tokens,
            tokens.cache_write_tokens,
            tokens.output_tokens,
            tokens.reasoning_tokens,
        ];
        for (counter, count) in of.tokens.iter().zip(counts).filter(|(_, count)| *count > 0) {
            counter.increment(count);
        }
        match record.cost_micros {
            Some(0) => {}
            Some(cost) => of.cost.increment(cost),
            None => of.unpriced.increment(1),
        }
        if record.estimated {
            of.estimated.increment(1);
        }
        if let Some(ttfb) = ended.ttfb {
            of.ttfb.record(ttfb);
        }
        of.duration.record(ended.duration);
        if let Some(added) = ended.added {
            self.added.record(added);
        }
    }

    /// Counts a request as in flight until what is returned is dropped.
    pub(crate) fn in_flight(&self) -> InFlight {
        self.in_flight.increment(1);
        InFlight(self.in_flight.clone())
    }
}

impl VendorMetrics {
    fn of(vendor: &'static str) -> Self {
        Self {
            requests: CLASSES.map(
                |class| counter!("clawplane_proxy_requests_total", "vendor" => vendor, "status" => class),
            ),
            tokens: KINDS
                .map(|kind| counter!("clawplane_proxy_tokens_total", "vendor" => vendor, "kind" => kind)),
            cost: counter!("clawplane_proxy_cost_micros_total", "vendor" => vendor),
            unpriced: counter!("clawplane_proxy_unpriced_requests_total", "vendor" => vendor),
            estimated: counter!("clawplane_proxy_estimated_requests_total", "vendor" => vendor),
            ttfb: histogram!("clawplane_proxy_ttfb_seconds", "vendor" => vendor),
            duration: histogram!("clawplane_proxy_request_seconds", "vendor" => vendor),
        }
    }
}

/// Where in [`CLASSES`] a status is counted.
fn class(status: u16) -> usize {
    usize::from(status / 100).clamp(1, CLASSES.len()) - 1
}

/// A request in flight.
#[derive(Debug)]
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
