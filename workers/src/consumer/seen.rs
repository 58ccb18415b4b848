//! Which events a consumer has handled: JetStream delivers at least once.

use crate::wake_up::WakeUp;
use clawplane_eventstore::Position;
use std::collections::{HashSet, VecDeque};

/// Events that are remembered one by one.
const RECENT: usize = 10_000;

/// Events that were handled.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// All at or before this, by an earlier process: wake-ups come in the feed's order.
    floor: Position,
    recent: HashSet<String>,
    order: VecDeque<String>,
}

impl Seen {
    pub(super) fn raise_floor(&mut self, position: Position) {
        self.floor = self.floor.max(position);
    }

    /// `again`: JetStream delivered this message before. Then it failed, whatever came after it.
    pub(super) fn contains(&self, wake_up: &WakeUp, again: bool) -> bool {
        (!again && wake_up.position <= self.floor) || self.recent.contains(&wake_up.message_id())
    }

    pub(super) fn insert(&mut self, wake_up: &WakeUp) {
        let id = wake_up.message_id();
        if self.recent.insert(id.clone()) {
            self.order.push_back(id);
        }
        if self.order.len() > RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.recent.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
