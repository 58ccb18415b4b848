//! What the usage routes have in common: the range that is asked for, and sums.

use crate::{ApiState, fields::Fields};
use chrono::{DateTime, Datelike, TimeDelta};
use clawplane_domain::Timestamp;
use clawplane_projections::{Range, UsageTotals};
use serde::Serialize;
use utoipa::ToSchema;

const DEFAULT_DAYS: i64 = 30;
/// Longest range: the read models answer sums of it in one query.
const LONGEST_DAYS: i64 = 1830;

/// Checks `from` and `to`. The last 30 days when both are absent, with the present second in them.
pub(super) fn range(fields: &mut Fields, from: Option<&str>, to: Option<&str>, api: &ApiState) -> Range {
    let to = time(fields, "to", to).unwrap_or_else(|| api.clock.now() + TimeDelta::seconds(1));
    let from = time(fields, "from", from).unwrap_or_else(|| to - TimeDelta::days(DEFAULT_DAYS));
    fields.require("from", from < to, "must be before `to`");
    fields.require(
        "from",
        to - from <= TimeDelta::days(LONGEST_DAYS),
        "must be at most 1830 days before `to`",
    );
    Range { from, to }
}

/// Checks a point in time.
pub(crate) fn time(fields: &mut Fields, field: &str, text: Option<&str>) -> Option<Timestamp> {
    // A `+` that was not escaped arrives as a space.
    let time = DateTime::parse_from_rfc3339(&text?.replace(' ', "+")).ok().map(|time| time.to_utc());
    let time = time.filter(|time| (1970..=9999).contains(&time.year()));
    fields.require(field, time.is_some(), "must be a time such as `2026-03-01T00:00:00Z` (RFC 3339)");
    time
}

/// Sums over some requests.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Totals {
    /// How many requests.
    #[schema(example = 120)]
    requests: u64,
    /// How many of them ended with a status from 400 on.
    #[schema(example = 2)]
    errors: u64,
    /// All input tokens, cached and cache-write included.
    #[schema(example = 250_000)]
    input_tokens: u64,
    /// Input that was read from the vendor's cache; part of `inputTokens`.
    cached_input_tokens: u64,
    /// Input that was written to the vendor's cache; part of `inputTokens`.
    cache_write_tokens: u64,
    /// All output tokens, reasoning included.
    #[schema(example = 40_000)]
    output_tokens: u64,
    /// Output that was reasoning; part of `outputTokens`.
    reasoning_tokens: u64,
    /// Input and output together.
    #[schema(example = 290_000)]
    total_tokens: u64,
    /// Micro-dollars of the requests whose price is known; `null` when there are requests and none has one.
    #[schema(example = 61_500)]
    cost_micros: Option<u64>,
    /// How many requests have no known price.
    unpriced_requests: u64,
    /// How many requests have estimated tokens.
    estimated_requests: u64,
    /// How many requests did not come to their end.
    interrupted_requests: u64,
}

impl From<UsageTotals> for Totals {
    fn from(totals: UsageTotals) -> Self {
        Self {
            requests: totals.requests,
            errors: totals.errors,
            input_tokens: totals.tokens.input_tokens,
            cached_input_tokens: totals.tokens.cached_input_tokens,
            cache_write_tokens: totals.tokens.cache_write_tokens,
            output_tokens: totals.tokens.output_tokens,
            reasoning_tokens: totals.tokens.reasoning_tokens,
            total_tokens: totals.tokens.total(),
            cost_micros: totals.cost_micros,
            unpriced_requests: totals.unpriced_requests,
            estimated_requests: totals.estimated,
            interrupted_requests: totals.interrupted,
        }
    }
}
