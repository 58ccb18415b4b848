//! Usage: the record of one proxied request. Nobody decides it, the proxy observes it.
//!
//! Its stream is (`usage`, `<proxy id>:<boot epoch>`), its sequence the spool's counter, so that a missing
//! number proves a loss and a repeated one is recognised.

mod details;

pub use details::TokenDetails;

use crate::{
    BotId, KeyId, RequestId, TenantId, Timestamp,
    values::{ModelId, VendorId},
};
use serde::{Deserialize, Serialize};

/// The stream type of usage.
pub const USAGE_STREAM: &str = "usage";
/// The name of the one event of such a stream.
pub const USAGE_RECORDED: &str = "usage.recorded";
/// The version of that event.
pub const USAGE_VERSION: &str = "1";

/// Tokens, counted the same way for every vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// All input, cached and cache-write included.
    pub input_tokens: u64,
    /// Input that was read from the vendor's cache; part of `input_tokens`.
    pub cached_input_tokens: u64,
    /// Input that was written to the vendor's cache; part of `input_tokens`.
    pub cache_write_tokens: u64,
    /// All output, reasoning included.
    pub output_tokens: u64,
    /// Output that was reasoning; part of `output_tokens`.
    pub reasoning_tokens: u64,
    /// What of it, or beside it, has a price of its own.
    #[serde(default, skip_serializing_if = "TokenDetails::is_empty")]
    pub details: TokenDetails,
}

impl Tokens {
    /// What quotas on tokens count.
    pub fn total(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

/// `usage.recorded`: one proxied request, from the bot's token to the last byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageRecorded {
    /// The proxy's id of the request, also sent to the client.
    pub request_id: RequestId,
    /// Whose bot it was.
    pub tenant_id: TenantId,
    /// The bot.
    pub bot_id: BotId,
    /// The key that was used; `None` when the request never went upstream.
    pub key_id: Option<KeyId>,
    /// The vendor.
    pub vendor: VendorId,
    /// The model, as the answer names it, else as the request did.
    pub model: Option<ModelId>,
    /// The status that the client got; 499 when it went away before one.
    pub status: u16,
    /// A stable code of ours where the proxy answered itself (`quota_exceeded`, ...).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether the answer was streamed.
    pub stream: bool,
    /// The tokens.
    #[serde(flatten)]
    pub tokens: Tokens,
    /// The tier that the answer says it was served at; prices depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// Micro-dollars; `None` when the price is unknown, never zero then.
    pub cost_micros: Option<u64>,
    /// The price list and its version that `cost_micros` was computed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_version: Option<String>,
    /// The vendor did not say the tokens; they are an estimate.
    pub estimated: bool,
    /// The answer did not come to its end: the client, the vendor or the proxy went away.
    pub interrupted: bool,
    /// From the request's arrival to the first byte of the answer, in milliseconds.
    pub ttfb_ms: Option<u32>,
    /// From the request's arrival to its end, in milliseconds.
    pub duration_ms: u32,
    /// When the request arrived.
    pub at: Timestamp,
    /// How many keys it was tried with; `key_id` is the last of them. One unless the vendor failed before its answer.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub attempts: u32,
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_one(attempts: &u32) -> bool {
    *attempts == 1
}

#[cfg(test)]
mod tests;
