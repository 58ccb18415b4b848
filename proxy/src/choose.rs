//! Which of a tenant's keys a request gets.
//!
//! Keys that share a tag with the bot are preferred; where there is none, keys without tags; where there is none
//! either, any. Among those, each gets its share by weight, as evenly spread as can be, by one atomic counter.

use crate::directory::Key;
use arc_swap::ArcSwap;
use clawplane_domain::values::Tag;
use imbl::HashMap;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Longest turn order; with larger weights, shares are rounded to it.
const MAX_SLOTS: u64 = 2048;
/// Most keys that take turns; the oldest ones win.
const MAX_KEYS: usize = 1024;
/// Most sets of candidates of which the turn is kept; with more, turns start anew now and then.
const MAX_TURNS: usize = 256;

/// All keys of one tenant for one vendor.
#[derive(Debug, Default)]
pub(crate) struct KeyGroup {
    keys: Vec<Arc<Key>>,
    tagged: bool,
    /// Whose turn it is, for each set of candidates that was asked for.
    turns: ArcSwap<HashMap<Vec<u16>, Arc<Turns>>>,
}

impl KeyGroup {
    /// A group of `keys`; its turns start anew.
    pub(crate) fn new(mut keys: Vec<Arc<Key>>) -> Self {
        keys.sort_unstable_by_key(|key| key.id);
        keys.truncate(MAX_KEYS);
        let tagged = keys.iter().any(|key| !key.tags.is_empty());
        Self { keys, tagged, turns: ArcSwap::default() }
    }

    pub(crate) fn keys(&self) -> &[Arc<Key>] {
        &self.keys
    }

    /// The key for the next request of a bot with `tags`.
    pub(crate) fn choose(&self, tags: &[Tag]) -> Option<&Arc<Key>> {
        if let [only] = self.keys.as_slice() {
            return Some(only);
        }
        let candidates = self.candidates(tags);
        let turns = self.turns(&candidates);
        self.keys.get(usize::from(turns.next()?))
    }

    fn candidates(&self, tags: &[Tag]) -> Vec<u16> {
        let all = || (0u16..).zip(&self.keys);
        let of =
            |wanted: &dyn Fn(&Key) -> bool| all().filter(|(_, key)| wanted(key)).map(|(at, _)| at).collect();
        if self.tagged {
            let sharing: Vec<u16> = of(&|key| key.tags.iter().any(|tag| tags.contains(tag)));
            if !sharing.is_empty() {
                return sharing;
            }
            let untagged: Vec<u16> = of(&|key| key.tags.is_empty());
            if !untagged.is_empty() {
                return untagged;
            }
        }
        of(&|_| true)
    }

    fn turns(&self, candidates: &[u16]) -> Arc<Turns> {
        if let Some(turns) = self.turns.load().get(candidates) {
            return Arc::clone(turns);
        }
        let weights: Vec<_> =
            candidates.iter().filter_map(|at| Some((*at, self.keys.get(usize::from(*at))?.weight))).collect();
        let fresh = Arc::new(Turns::new(&weights));
        let mut kept = Arc::clone(&fresh);
        self.turns.rcu(|turns| {
            // Somebody else may have been first; then theirs counts.
            kept = turns.get(candidates).map_or_else(|| Arc::clone(&fresh), Arc::clone);
            let base = if turns.len() < MAX_TURNS { (**turns).clone() } else { HashMap::new() };
            base.update(candidates.to_vec(), Arc::clone(&kept))
        });
        kept
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
