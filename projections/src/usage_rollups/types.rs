//! What questions about usage are made of, and what their answers are.

use chrono::TimeDelta;
use clawplane_domain::{Timestamp, usage::Tokens};

/// A stretch of time, half open: `from` is in it, `to` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Its first instant.
    pub from: Timestamp,
    /// The instant after it.
    pub to: Timestamp,
}

impl Range {
    /// Within the years that chrono can round and Postgres can store, and not backwards. There is no usage outside.
    pub(crate) fn bounded(self) -> Self {
        let last = Timestamp::UNIX_EPOCH + TimeDelta::days(365 * 250);
        let from = self.from.clamp(Timestamp::UNIX_EPOCH, last);
        Self { from, to: self.to.clamp(from, last) }
    }
}

/// What a trend counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Hours.
    Hour,
    /// Calendar days in UTC.
    Day,
}

/// What a breakdown counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The vendor.
    Vendor,
    /// The model.
    Model,
    /// The provider key.
    Key,
}

/// Sums over some requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageTotals {
    /// How many.
    pub requests: u64,
    /// How many of them ended with a status from 400 on.
    pub errors: u64,
    /// Their tokens.
    pub tokens: Tokens,
    /// Micro-dollars of those whose price is known; `None` when there are requests and none has a known price.
    pub cost_micros: Option<u64>,
    /// How many have no known price.
    pub unpriced_requests: u64,
    /// How many have estimated tokens.
    pub estimated: u64,
    /// How many did not come to their end.
    pub interrupted: u64,
}

/// The sums of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrendPoint {
    /// The bucket's beginning.
    pub at: Timestamp,
    /// Its sums.
    pub totals: UsageTotals,
}

/// The sums of one vendor, model or key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakdownRow {
    /// The vendor's id, the model's, or the key's; empty where a request had no model or no key.
    pub key: String,
    /// Its sums.
    pub totals: UsageTotals,
}
