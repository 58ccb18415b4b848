//! How much of one limit a holder gets.

use super::{Ask, Slice};
use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// While nobody else has a slice, a slice is half of what is left, but never less than this part of the limit: the
/// end of a quota must not be reached in ever smaller steps.
const LEAST: u64 = 64;
/// With others, a slice is what is left, divided by the holders and by this: nobody holds back what others need.
const SHARE: u64 = 4;

/// One holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Held {
    used: u64,
    ceiling: u64,
    expires_at: Timestamp,
}

impl Held {
    /// What it may still use, if it is there.
    fn open(&self, at: Timestamp) -> u64 {
        if at < self.expires_at { self.ceiling.saturating_sub(self.used) } else { 0 }
    }
}

/// The holders of one limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// What was used before the first holder came; none before that.
    base: Option<u64>,
    /// The most that anybody knew to be used. Usage of a proxy that was killed is in nobody's report, and comes to
    /// be known by this.
    known: u64,
    holders: BTreeMap<String, Held>,
}

/// How a holder stands with one limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What it may use at most.
    pub ceiling: u64,
    /// What everybody has used, as far as it is known.
    pub spent: u64,
    /// What others may still use.
    pub others: u64,
}

impl Slot {
    pub(super) fn used_by(&self, holder: &str) -> Option<u64> {
        self.holders.get(holder).map(|held| held.used)
    }

    /// Whether there is something to return: a slice, or news of what was used.
    pub(super) fn is_held(&self, holder: &str, used: u64) -> bool {
        self.holders.get(holder).is_some_and(|held| held.ceiling > used || held.used < used)
    }

    pub(super) fn standing(&self, holder: &str, at: Timestamp) -> Standing {
        let held = self.holders.get(holder);
        let ceiling = held.map_or(0, |held| if at < held.expires_at { held.ceiling } else { held.used });
        Standing { ceiling, spent: self.spent(), others: self.others(holder, at).0 }
    }

    fn spent(&self) -> u64 {
        let reported = self.holders.values().fold(0, |sum: u64, held| sum.saturating_add(held.used));
        self.base.unwrap_or(0).saturating_add(reported).max(self.known)
    }

    /// What others hold, and how many of them there are.
    fn others(&self, holder: &str, at: Timestamp) -> (u64, u64) {
        let open = self.holders.iter().filter(|(name, _)| *name != holder).map(|(_, held)| held.open(at));
        open.filter(|open| *open > 0).fold((0, 0), |(sum, count), open| (sum.saturating_add(open), count + 1))
    }

    /// What `ask` leads to. What is used counts whatever was leased: it cannot be undone.
    pub(super) fn grant(&self, ask: &Ask, holder: &str, at: Timestamp) -> Slice {
        let used = ask.used.max(self.used_by(holder).unwrap_or(0));
        let slice = Slice { limit: ask.limit, known: ask.known.max(self.known), used, ceiling: used };
        let mut after = self.clone();
        after.hold(holder, &slice, at);
        let left = ask.of.saturating_sub(after.spent());
        let (held, others) = self.others(holder, at);
        let room = left.saturating_sub(held);
        let usual = match others {
            0 => (left / 2).max(ask.of / LEAST),
            others => left / ((others + 1) * SHARE),
        };
        Slice { ceiling: used.saturating_add(usual.max(ask.need).min(room)), ..slice }
    }

    pub(super) fn hold(&mut self, holder: &str, slice: &Slice, expires_at: Timestamp) {
        self.known = self.known.max(slice.known);
        // The first holder's own part is not what was before it.
        self.base.get_or_insert(slice.known.saturating_sub(slice.used));
        self.holders.insert(
            holder.to_owned(),
            Held { used: slice.used, ceiling: slice.ceiling.max(slice.used), expires_at },
        );
    }

    pub(super) fn release(&mut self, holder: &str, used: u64) {
        if let Some(held) = self.holders.get_mut(holder) {
            held.used = held.used.max(used);
            held.ceiling = held.used;
        }
    }
}
