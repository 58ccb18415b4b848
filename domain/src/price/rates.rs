//! What tokens cost, in whole numbers.

use crate::usage::Tokens;
use serde::{Deserialize, Serialize};

/// Largest rate: a dollar a token, and a million dollars a request.
pub const MAX_RATE: u64 = 1_000_000_000_000;
/// Largest cost of a request, in micro-dollars: what JavaScript's numbers and Postgres's `bigint` both hold exactly.
pub const MAX_COST: u64 = (1 << 53) - 1;
/// Rates are for so many tokens.
const TOKENS: u128 = 1_000_000;

/// Micro-dollars for a million tokens of each kind, and for a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rates {
    /// Input that was neither read from a cache nor written to one, for a million tokens.
    pub input_micros: u64,
    /// Input that was read from the vendor's cache; as other input where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input_micros: Option<u64>,
    /// Input that was written to the vendor's cache; as other input where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_micros: Option<u64>,
    /// Output, reasoning included, for a million tokens.
    pub output_micros: u64,
    /// On top, for each request; nothing where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_micros: Option<u64>,
}

impl Rates {
    /// Micro-dollars of one request, rounded up once, at the end: never less than its exact price, and less than one
    /// micro-dollar above it. `None` beyond [`MAX_COST`], where nobody could add it up any more.
    pub fn cost(&self, tokens: &Tokens) -> Option<u64> {
        let Tokens { input_tokens, cached_input_tokens: cached, cache_write_tokens: written, .. } = *tokens;
        let plain = input_tokens.saturating_sub(cached).saturating_sub(written);
        let kinds = [
            (plain, self.input_micros),
            (cached, self.cached_input_micros.unwrap_or(self.input_micros)),
            (written, self.cache_write_micros.unwrap_or(self.input_micros)),
            (tokens.output_tokens, self.output_micros),
        ];
        let request = u128::from(self.request_micros.unwrap_or(0)).saturating_mul(TOKENS);
        let exact = kinds.into_iter().fold(request, |sum, (tokens, rate)| {
            sum.saturating_add(u128::from(tokens).saturating_mul(u128::from(rate)))
        });
        u64::try_from(exact.div_ceil(TOKENS)).ok().filter(|micros| *micros <= MAX_COST)
    }

    /// Each rate with its name in the API.
    pub fn named(&self) -> [(&'static str, Option<u64>); 5] {
        [
            ("inputMicros", Some(self.input_micros)),
            ("cachedInputMicros", self.cached_input_micros),
            ("cacheWriteMicros", self.cache_write_micros),
            ("outputMicros", Some(self.output_micros)),
            ("requestMicros", self.request_micros),
        ]
    }
}
