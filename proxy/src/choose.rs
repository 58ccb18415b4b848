//! Which of a tenant's keys a request gets.
//!
//! Only keys that nothing is held against. Among those, keys that share a tag with the bot are preferred; where there
//! is none, keys without tags; where there is none either, any. Among those, each gets its share by weight, as evenly
//! spread as can be, by one atomic counter. While all are well, a choice allocates nothing.

use crate::{
    directory::Key,
    health::{Admission, Probe},
};
use arc_swap::ArcSwap;
use clawplane_domain::{Timestamp, values::Tag};
use imbl::HashMap;
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Longest turn order; with larger weights, shares are rounded to it.
const MAX_SLOTS: u64 = 2048;
/// Most keys that take turns; the oldest ones win.
const MAX_KEYS: usize = 1024;
/// Most sets of tags, and of candidates, of which the turn is kept; with more, turns start anew now and then.
const MAX_TURNS: usize = 256;

/// All keys of one tenant for one vendor.
#[derive(Debug, Default)]
pub(crate) struct KeyGroup {
    keys: Vec<Arc<Key>>,
    tagged: bool,
    /// Whose turn it is among all, where tags make no difference.
    all: OnceLock<Turns>,
    turns: ArcSwap<TurnBook>,
}

/// Whose turn it is, for each set of candidates that was asked for, and the candidates of each set of tags.
#[derive(Clone, Debug, Default)]
struct TurnBook {
    by_tags: HashMap<Box<[Tag]>, Arc<Turns>>,
    by_candidates: HashMap<Vec<u16>, Arc<Turns>>,
}

/// A key that a request may use.
#[derive(Debug)]
pub(crate) struct Pick {
    pub(crate) key: Arc<Key>,
    /// There when the request is the one that tries the key after a cool-down.
    pub(crate) probe: Option<Probe>,
}

impl Pick {
    fn of(key: &Arc<Key>, now: Timestamp, probation: Duration) -> Option<Self> {
        let probe = match key.health.admit(now, probation) {
            Admission::Free => None,
            Admission::Probe(probe) => Some(probe),
            Admission::Barred => return None,
        };
        Some(Self { key: Arc::clone(key), probe })
    }
}

impl KeyGroup {
    /// A group of `keys`; its turns start anew.
    pub(crate) fn new(mut keys: Vec<Arc<Key>>) -> Self {
        keys.sort_unstable_by_key(|key| key.id);
        keys.truncate(MAX_KEYS);
        let tagged = keys.iter().any(|key| !key.tags.is_empty());
        Self { keys, tagged, ..Self::default() }
    }

    pub(crate) fn keys(&self) -> &[Arc<Key>] {
        &self.keys
    }

    /// The key for the next request of a bot with `tags`; `None` when all are down.
    pub(crate) fn choose(&self, tags: &[Tag], now: Timestamp, probation: Duration) -> Option<Pick> {
        let next = match self.keys.as_slice() {
            [] => return None,
            [only] => return Pick::of(only, now, probation),
            _ if self.tagged => self.turns_of(tags).next(),
            _ => self.all.get_or_init(|| self.order(&self.candidates(&[], &|_| true))).next(),
        };
        let next = next.and_then(|at| self.keys.get(usize::from(at)));
        next.and_then(|key| Pick::of(key, now, probation))
            .or_else(|| self.choose_among(tags, now, probation, &|_| true))
    }

    /// As [`KeyGroup::choose`], among the keys that `fit`: the way that a request goes when its turn's key is down.
    pub(crate) fn choose_among(
        &self,
        tags: &[Tag],
        now: Timestamp,
        probation: Duration,
        fit: &dyn Fn(&Key) -> bool,
    ) -> Option<Pick> {
        let healthy = self.candidates(tags, &|key| fit(key) && key.health.is_free());
        if !healthy.is_empty() {
            let key = self.keys.get(usize::from(self.turns(&healthy).next()?))?;
            return Some(Pick { key: Arc::clone(key), probe: None });
        }
        // None is well, but the cool-down of one may be over.
        let shares = |key: &Key| key.tags.iter().any(|tag| tags.contains(tag));
        let preferred = self.keys.iter().filter(|key| shares(key));
        let others = self.keys.iter().filter(|key| !shares(key));
        preferred.chain(others).filter(|key| fit(key)).find_map(|key| Pick::of(key, now, probation))
    }

    fn candidates(&self, tags: &[Tag], fit: &dyn Fn(&Key) -> bool) -> Vec<u16> {
        let of = |wanted: &dyn Fn(&Key) -> bool| {
            let all = (0u16..).zip(&self.keys);
            all.filter(|(_, key)| fit(key) && wanted(key)).map(|(at, _)| at).collect::<Vec<_>>()
        };
        if self.tagged {
            let sharing = of(&|key| key.tags.iter().any(|tag| tags.contains(tag)));
            if !sharing.is_empty() {
                return sharing;
            }
            let untagged = of(&|key| key.tags.is_empty());
            if !untagged.is_empty() {
                return untagged;
            }
        }
        of(&|_| true)
    }

    /// The turns among the candidates of a bot with `tags`, healthy or not.
    fn turns_of(&self, tags: &[Tag]) -> Arc<Turns> {
        if let Some(turns) = self.turns.load().by_tags.get(tags) {
            return Arc::clone(turns);
        }
        let turns = self.turns(&self.candidates(tags, &|_| true));
        self.turns.rcu(|book| {
            let mut book = if book.by_tags.len() < MAX_TURNS {
                TurnBook::clone(book)
            } else {
                TurnBook { by_tags: HashMap::new(), by_candidates: book.by_candidates.clone() }
            };
            book.by_tags.insert(tags.into(), Arc::clone(&turns));
            book
        });
        turns
    }

    fn turns(&self, candidates: &[u16]) -> Arc<Turns> {
        if let Some(turns) = self.turns.load().by_candidates.get(candidates) {
            return Arc::clone(turns);
        }
        let fresh = Arc::new(self.order(candidates));
        let mut kept = Arc::clone(&fresh);
        self.turns.rcu(|book| {
            // Somebody else may have been first; then theirs counts.
            kept = book.by_candidates.get(candidates).map_or_else(|| Arc::clone(&fresh), Arc::clone);
            let mut book = if book.by_candidates.len() < MAX_TURNS {
                TurnBook::clone(book)
            } else {
                TurnBook::default()
            };
            book.by_candidates.insert(candidates.to_vec(), Arc::clone(&kept));
            book
        });
        kept
    }

    fn order(&self, candidates: &[u16]) -> Turns {
        let weight = |at: &u16| Some((*at, self.keys.get(usize::from(*at))?.weight));
        Turns::new(&candidates.iter().filter_map(weight).collect::<Vec<_>>())
    }
}

/// A turn order and whose turn it is.
#[derive(Debug)]
struct Turns {
    slots: Vec<u16>,
    next: AtomicUsize,
}

impl Turns {
    fn new(weights: &[(u16, u32)]) -> Self {
        Self { slots: smooth(weights), next: AtomicUsize::new(0) }
    }

    fn next(&self) -> Option<u16> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.slots.get(turn.checked_rem(self.slots.len())?).copied()
    }
}

/// The order of smooth weighted round-robin (nginx's): in each step everybody gains its weight, whoever has most is
/// next and pays the sum of all.
fn smooth(weights: &[(u16, u32)]) -> Vec<u16> {
    let divisor = weights.iter().fold(0, |divisor, (_, weight)| gcd(divisor, u64::from(*weight))).max(1);
    let mut shares: Vec<u64> = weights.iter().map(|(_, weight)| u64::from(*weight) / divisor).collect();
    let sum: u64 = shares.iter().sum();
    if sum > MAX_SLOTS {
        for share in &mut shares {
            *share = (*share * MAX_SLOTS / sum).max(1);
        }
    }
    let total: i64 = shares.iter().filter_map(|share| i64::try_from(*share).ok()).sum();
    let mut credits = vec![0_i64; shares.len()];
    let mut order = Vec::new();
    for _ in 0..total {
        for (credit, share) in credits.iter_mut().zip(&shares) {
            *credit += i64::try_from(*share).unwrap_or(i64::MAX);
        }
        // `max_by_key` takes the last of equals; the first one shall come first.
        let best = (0..credits.len()).rev().max_by_key(|at| credits[*at]);
        if let Some(best) = best {
            credits[best] -= total;
            order.push(weights[best].0);
        }
    }
    order
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
