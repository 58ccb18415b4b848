//! A quota: limits on tokens, money and rate of one bot. Its stream has the bot's id.

use crate::{BotId, Decide, TenantId, claim::Claims};
use serde::{Deserialize, Serialize};

/// The limits; `None` is no limit. Windows are the calendar day and month in UTC.
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
}

/// The aggregate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quota {
    /// The limits in force; `None` before the first `quota.set`.
    pub limits: Option<QuotaLimits>,
}

/// A command to one quota.
#[derive(Clone, Debug)]
pub enum QuotaCommand {
    /// Put these limits in force, instead of all earlier ones.
    Set {
        /// Whose bot it is.
        tenant_id: TenantId,
        /// The bot.
        bot_id: BotId,
        /// The limits.
        limits: QuotaLimits,
    },
}

/// An event of a quota's stream (`quota`, the bot's id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum QuotaEvent {
    /// These limits are in force, instead of all earlier ones.
    #[serde(rename = "quota.set")]
    Set {
        /// Whose bot it is.
        tenant_id: TenantId,
        /// The bot.
        bot_id: BotId,
        /// The limits.
        limits: QuotaLimits,
    },
}

crate::aggregate::impl_event!(QuotaEvent { Set => "quota.set" @ "1" });
impl Claims for QuotaEvent {}

/// Why a command to a quota was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaRefusal {
    /// A limit beyond what every reader can hold.
    #[error("`{field}` must be at most {MAX_LIMIT}")]
    TooLarge {
        /// The limit, as the API names it.
        field: &'static str,
    },
}

impl Decide for Quota {
    type Command = QuotaCommand;
    type Event = QuotaEvent;
    type Refusal = QuotaRefusal;

    fn decide(&self, command: QuotaCommand) -> Result<Vec<QuotaEvent>, QuotaRefusal> {
        let QuotaCommand::Set { tenant_id, bot_id, limits } = command;
        for (field, value) in limits.named() {
            if value.is_some_and(|value| value > MAX_LIMIT) {
                return Err(QuotaRefusal::TooLarge { field });
            }
        }
        if self.limits == Some(limits) {
            return Ok(Vec::new());
        }
        Ok(vec![QuotaEvent::Set { tenant_id, bot_id, limits }])
    }

    fn evolve(&mut self, event: QuotaEvent) {
        let QuotaEvent::Set { limits, .. } = event;
        self.limits = Some(limits);
    }
}

crate::aggregate::impl_aggregate!(Quota, "quota");

#[cfg(test)]
mod tests;
