//! What a quota can limit.

use crate::time_zone::Period;
use serde::{Deserialize, Serialize};

/// What a limit on money does with a request whose price is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownPrice {
    /// Refuses it: nobody can say that the limit holds.
    #[default]
    Refuse,
    /// Lets it pass, and counts nothing for it.
    Allow,
}

impl UnknownPrice {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands in a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The limits; `None` is no limit, zero allows nothing at all, which is how somebody is shut out. Windows are the
/// calendar day and month in the tenant's time zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaLimits {
    /// Input and output tokens a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_tokens: Option<u64>,
    /// Input and output tokens a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_tokens: Option<u64>,
    /// Micro-dollars a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_cost_micros: Option<u64>,
    /// Micro-dollars a month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_cost_micros: Option<u64>,
    /// Requests in any minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// Tokens in any minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Says something only beside a limit on money.
    #[serde(default, skip_serializing_if = "UnknownPrice::is_default")]
    pub unknown_price: UnknownPrice,
}

/// Largest value of any limit: what JavaScript's numbers and Postgres's `bigint` both hold exactly.
pub const MAX_LIMIT: u64 = (1 << 53) - 1;

impl QuotaLimits {
    /// Each limit with its name in the API.
    pub fn named(&self) -> [(&'static str, Option<u64>); 6] {
        [
            ("dailyTokens", self.daily_tokens),
            ("monthlyTokens", self.monthly_tokens),
            ("dailyCostMicros", self.daily_cost_micros),
            ("monthlyCostMicros", self.monthly_cost_micros),
            ("requestsPerMinute", self.requests_per_minute),
            ("tokensPerMinute", self.tokens_per_minute),
        ]
    }

    /// Whether money is limited.
    pub fn limits_cost(&self) -> bool {
        self.daily_cost_micros.is_some() || self.monthly_cost_micros.is_some()
    }

    /// The limits of days and months that are set.
    pub fn windows(&self) -> impl Iterator<Item = (WindowLimit, u64)> {
        WindowLimit::ALL.into_iter().filter_map(|limit| Some((limit, limit.of(self)?)))
    }
}

/// A limit on what is used in a day or a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WindowLimit {
    /// Tokens a day.
    DailyTokens,
    /// Tokens a month.
    MonthlyTokens,
    /// Micro-dollars a day.
    DailyCostMicros,
    /// Micro-dollars a month.
    MonthlyCostMicros,
}

impl WindowLimit {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::DailyTokens, Self::MonthlyTokens, Self::DailyCostMicros, Self::MonthlyCostMicros];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::DailyTokens => "dailyTokens",
            Self::MonthlyTokens => "monthlyTokens",
            Self::DailyCostMicros => "dailyCostMicros",
            Self::MonthlyCostMicros => "monthlyCostMicros",
        }
    }

    /// The calendar unit that it counts in.
    pub fn period(self) -> Period {
        match self {
            Self::DailyTokens | Self::DailyCostMicros => Period::Day,
            Self::MonthlyTokens | Self::MonthlyCostMicros => Period::Month,
        }
    }

    /// Whether it counts money.
    pub fn is_cost(self) -> bool {
        matches!(self, Self::DailyCostMicros | Self::MonthlyCostMicros)
    }

    /// Its value among `limits`.
    pub fn of(self, limits: &QuotaLimits) -> Option<u64> {
        match self {
            Self::DailyTokens => limits.daily_tokens,
            Self::MonthlyTokens => limits.monthly_tokens,
            Self::DailyCostMicros => limits.daily_cost_micros,
            Self::MonthlyCostMicros => limits.monthly_cost_micros,
        }
    }
}
