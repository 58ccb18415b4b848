//! Whether a provider key may be used: disabled by somebody, cooling down after a failure, or neither.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest reason of a disabling, in characters; what is longer is cut.
pub const MAX_REASON: usize = 500;

/// Who took a key out of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DisabledBy {
    /// Somebody who may. Only a person puts the key back into use.
    Person,
    /// The proxy, because the vendor refused the key.
    Proxy,
}

/// Why a key is out of use until somebody puts it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disabling {
    /// Who did it.
    pub by: DisabledBy,
    /// For people; never a secret.
    pub reason: String,
    /// The status that the vendor answered with, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

impl Disabling {
    /// With a reason that can be stored and shown: it may quote somebody.
    pub(super) fn tidied(mut self) -> Self {
        self.reason = self.reason.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
        self
    }
}

/// What made a key cool down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoolCode {
    /// 429: too much in too short a time.
    RateLimited,
    /// 402, or a 429 that says so: the account has no money left.
    QuotaExhausted,
    /// 5xx.
    UpstreamError,
    /// No connection, or no answer in time.
    UpstreamTimeout,
    /// The vendor cannot be reached, or breaks off before its answer.
    UpstreamUnreachable,
}

impl CoolCode {
    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::UpstreamError => "upstream_error",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::UpstreamUnreachable => "upstream_unreachable",
        }
    }
}

/// A key that is left alone for a while. After `until` one request tries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cooling {
    /// Until then it is not used.
    pub until: Timestamp,
    /// Why.
    pub code: CoolCode,
    /// The status that the vendor answered with, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Failures in a row, this one included.
    pub failures: u32,
}
