//! How several proxies share one quota: each holds leased slices of it, and may use no more than those.
//!
//! One stream a quota and day (of the tenant's time zone), so that none grows for ever. In it a proxy is a holder with
//! a ceiling on what it uses that day; ceilings and what is used never add up to more than a limit. All numbers are
//! absolute: a command that comes twice, because its answer was lost, counts once.

mod grant;

use crate::{Decide, Timestamp, claim::Claims, quota::QuotaSubject, quota::WindowLimit};
use chrono::TimeDelta;
pub use grant::{Slot, Standing};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long a lease is good without being renewed. After that a proxy counts as gone, and only what it has reported
/// as used.
pub const LEASE_TTL: TimeDelta = TimeDelta::minutes(2);

/// What a holder asks of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The limit.
    pub limit: WindowLimit,
    /// Its value.
    pub of: u64,
    /// All that is known to be used of the window, by whomever, as far as the asker has read.
    pub known: u64,
    /// What the asker has used since it became a holder in this stream.
    pub used: u64,
    /// What it has under way beyond that, or needs now.
    pub need: u64,
}

/// One limit's part of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slice {
    /// The limit.
    pub limit: WindowLimit,
    /// What all holders and everybody before them are known to have used.
    pub known: u64,
    /// What this holder has used.
    pub used: u64,
    /// What it may use at most.
    pub ceiling: u64,
}

/// What a holder gives back of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Returned {
    /// The limit.
    pub limit: WindowLimit,
    /// What this holder has used; the rest is free again.
    pub used: u64,
}

/// The aggregate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaLease {
    /// What is leased of each limit.
    pub slots: BTreeMap<WindowLimit, Slot>,
}

/// A command to one day's leases of a quota.
#[derive(Clone, Debug)]
pub enum LeaseCommand {
    /// Report what was used, and lease more.
    Renew {
        /// Whose quota it is.
        subject: QuotaSubject,
        /// The proxy, in one of its lives.
        holder: String,
        /// Now.
        at: Timestamp,
        /// One entry for each limit in force.
        asks: Vec<Ask>,
    },
    /// Report what was used, and give back the rest.
    Return {
        /// Whose quota it is.
        subject: QuotaSubject,
        /// The proxy, in one of its lives.
        holder: String,
        /// One entry for each limit that a slice is held of.
        used: Vec<Returned>,
    },
}

/// An event of a day's leases (`quota_lease`, `<bot's or tenant's id>:<day>`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum LeaseEvent {
    /// A proxy may use so much.
    #[serde(rename = "quota.leased")]
    Leased {
        /// Whose quota it is.
        #[serde(flatten)]
        subject: QuotaSubject,
        /// The proxy, in one of its lives.
        holder: String,
        /// Until when, if it is not renewed.
        expires_at: Timestamp,
        /// How much of each limit.
        slices: Vec<Slice>,
    },
    /// A proxy uses no more.
    #[serde(rename = "quota.lease_returned")]
    Returned {
        /// Whose quota it is.
        #[serde(flatten)]
        subject: QuotaSubject,
        /// The proxy, in one of its lives.
        holder: String,
        /// What it has used of each limit.
        slices: Vec<Returned>,
    },
}

crate::aggregate::impl_event!(LeaseEvent {
    Leased => "quota.leased" @ "1",
    Returned => "quota.lease_returned" @ "1",
});
impl Claims for LeaseEvent {}

/// A lease is never refused: where nothing is left, nothing is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseRefusal {}

impl QuotaLease {
    /// The id of the stream of a day.
    pub fn stream(subject: &QuotaSubject, day: chrono::NaiveDate) -> String {
        format!("{}:{day}", subject.stream())
    }

    /// How a holder stands with one limit.
    pub fn standing(&self, limit: WindowLimit, holder: &str, at: Timestamp) -> Standing {
        self.slots.get(&limit).map(|slot| slot.standing(holder, at)).unwrap_or_default()
    }

    fn renew(&self, subject: QuotaSubject, holder: String, at: Timestamp, asks: &[Ask]) -> Vec<LeaseEvent> {
        let mut slices = Vec::new();
        let mut news = false;
        for ask in asks {
            let fresh = Slot::default();
            let slot = self.slots.get(&ask.limit).unwrap_or(&fresh);
            let slice = slot.grant(ask, &holder, at);
            // Whoever gets nothing and has nothing to report leaves no trace, however often it asks.
            news |= slice.ceiling > slice.used || slot.used_by(&holder).unwrap_or(0) < slice.used;
            slices.push(slice);
        }
        if !news {
            return Vec::new();
        }
        vec![LeaseEvent::Leased { subject, holder, expires_at: at + LEASE_TTL, slices }]
    }
}

impl Decide for QuotaLease {
    type Command = LeaseCommand;
    type Event = LeaseEvent;
    type Refusal = LeaseRefusal;

    fn decide(&self, command: LeaseCommand) -> Result<Vec<LeaseEvent>, LeaseRefusal> {
        Ok(match command {
            LeaseCommand::Renew { subject, holder, at, asks } => self.renew(subject, holder, at, &asks),
            LeaseCommand::Return { subject, holder, used } => {
                let held = used.into_iter().filter(|returned| {
                    self.slots.get(&returned.limit).is_some_and(|slot| slot.is_held(&holder, returned.used))
                });
                let slices: Vec<_> = held.collect();
                if slices.is_empty() {
                    return Ok(Vec::new());
                }
                vec![LeaseEvent::Returned { subject, holder, slices }]
            }
        })
    }

    fn evolve(&mut self, event: LeaseEvent) {
        match event {
            LeaseEvent::Leased { holder, expires_at, slices, .. } => {
                for slice in slices {
                    self.slots.entry(slice.limit).or_default().hold(&holder, &slice, expires_at);
                }
            }
            LeaseEvent::Returned { holder, slices, .. } => {
                for returned in slices {
                    self.slots.entry(returned.limit).or_default().release(&holder, returned.used);
                }
            }
        }
    }
}

crate::aggregate::impl_aggregate!(QuotaLease, "quota_lease");

#[cfg(test)]
mod tests;
