//! A quota: limits on tokens, money and rate of one bot or one tenant. Its stream has the bot's or the tenant's id.

mod limits;

use crate::{BotId, Decide, TenantId, Timestamp, claim::Claims};
pub use limits::{MAX_LIMIT, QuotaLimits, UnknownPrice, WindowLimit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A part of a limit that somebody wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Threshold {
    /// 80 percent.
    Near,
    /// 100 percent.
    Full,
}

impl Threshold {
    /// In percent.
    pub fn percent(self) -> u8 {
        match self {
            Self::Near => 80,
            Self::Full => 100,
        }
    }

    /// The higher one of those that `used` of `limit` has reached.
    pub fn reached(used: u64, limit: u64) -> Option<Self> {
        let (used, limit) = (u128::from(used), u128::from(limit));
        if used >= limit { Some(Self::Full) } else { (used * 100 >= limit * 80).then_some(Self::Near) }
    }
}

impl From<Threshold> for u8 {
    fn from(threshold: Threshold) -> Self {
        threshold.percent()
    }
}

impl TryFrom<u8> for Threshold {
    type Error = String;
    fn try_from(percent: u8) -> Result<Self, String> {
        match percent {
            80 => Ok(Self::Near),
            100 => Ok(Self::Full),
            other => Err(format!("{other} percent is no threshold")),
        }
    }
}

/// Whose quota it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaSubject {
    /// The tenant, or the bot's tenant.
    pub tenant_id: TenantId,
    /// The bot; none where it is the tenant's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<BotId>,
}

impl QuotaSubject {
    /// A bot of a tenant.
    pub fn bot(tenant_id: TenantId, bot_id: BotId) -> Self {
        Self { tenant_id, bot_id: Some(bot_id) }
    }

    /// A tenant.
    pub fn tenant(tenant_id: TenantId) -> Self {
        Self { tenant_id, bot_id: None }
    }

    /// The id of its stream.
    pub fn stream(&self) -> String {
        self.bot_id.map_or_else(|| self.tenant_id.to_string(), |bot| bot.to_string())
    }
}

/// A threshold of a limit, reached in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reached {
    /// Which limit.
    pub limit: WindowLimit,
    /// Its value.
    pub of: u64,
    /// When the day or month began.
    pub window_start: Timestamp,
    /// 80 or 100.
    pub percent: Threshold,
    /// What was used when it was seen.
    pub used: u64,
}

/// The aggregate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quota {
    /// The limits in force; `None` before the first `quota.set` and after `quota.cleared`.
    pub limits: Option<QuotaLimits>,
    /// The last threshold that was reached, of each limit in force.
    #[serde(default)]
    pub reached: BTreeMap<WindowLimit, Reached>,
}

/// A command to one quota.
#[derive(Clone, Debug)]
pub enum QuotaCommand {
    /// Put these limits in force, instead of all earlier ones.
    Set {
        /// Whose they are.
        subject: QuotaSubject,
        /// The limits.
        limits: QuotaLimits,
    },
    /// Limit nothing any more.
    Clear {
        /// Whose quota it was.
        subject: QuotaSubject,
    },
    /// A proxy has seen that a threshold is reached. Said by every proxy that sees it, and written once.
    Reach {
        /// Whose quota it is.
        subject: QuotaSubject,
        /// What was reached.
        reached: Reached,
    },
}

/// An event of a quota's stream (`quota`, the bot's or the tenant's id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum QuotaEvent {
    /// These limits are in force, instead of all earlier ones.
    #[serde(rename = "quota.set")]
    Set {
        /// Whose they are.
        #[serde(flatten)]
        subject: QuotaSubject,
        /// The limits.
        limits: QuotaLimits,
    },
    /// Nothing is limited any more.
    #[serde(rename = "quota.cleared")]
    Cleared {
        /// Whose quota it was.
        #[serde(flatten)]
        subject: QuotaSubject,
    },
    /// A threshold of a limit was reached: once a window, limit and threshold, unless the limit itself was changed.
    #[serde(rename = "quota.threshold_reached")]
    ThresholdReached {
        /// Whose quota it is.
        #[serde(flatten)]
        subject: QuotaSubject,
        /// What was reached.
        #[serde(flatten)]
        reached: Reached,
    },
}

crate::aggregate::impl_event!(QuotaEvent {
    Set => "quota.set" @ "1",
    Cleared => "quota.cleared" @ "1",
    ThresholdReached => "quota.threshold_reached" @ "1",
});
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
        let event = match command {
            QuotaCommand::Set { subject, limits } => {
                for (field, value) in limits.named() {
                    if value.is_some_and(|value| value > MAX_LIMIT) {
                        return Err(QuotaRefusal::TooLarge { field });
                    }
                }
                (self.limits != Some(limits)).then_some(QuotaEvent::Set { subject, limits })
            }
            QuotaCommand::Clear { subject } => {
                self.limits.is_some().then_some(QuotaEvent::Cleared { subject })
            }
            QuotaCommand::Reach { subject, reached } => {
                self.is_news(&reached).then_some(QuotaEvent::ThresholdReached { subject, reached })
            }
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(&mut self, event: QuotaEvent) {
        match event {
            QuotaEvent::Set { limits, .. } => {
                self.limits = Some(limits);
                // Of another limit, another threshold is reached.
                self.reached.retain(|limit, reached| limit.of(&limits) == Some(reached.of));
            }
            QuotaEvent::Cleared { .. } => *self = Self::default(),
            QuotaEvent::ThresholdReached { reached, .. } => {
                self.reached.insert(reached.limit, reached);
            }
        }
    }
}

impl Quota {
    /// Whether it is of the limits in force, true, and not said yet. An older window is over and of no interest.
    fn is_news(&self, reached: &Reached) -> bool {
        let in_force = self.limits.and_then(|limits| reached.limit.of(&limits)) == Some(reached.of);
        let is_true = Threshold::reached(reached.used, reached.of) >= Some(reached.percent);
        let is_later = self
            .reached
            .get(&reached.limit)
            .is_none_or(|last| (last.window_start, last.percent) < (reached.window_start, reached.percent));
        in_force && is_true && is_later
    }
}

crate::aggregate::impl_aggregate!(Quota, "quota");

#[cfg(test)]
mod tests;
