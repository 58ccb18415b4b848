//! How often a bot has failed lately, and what follows from it: wait longer each time, and at some point leave it alone.

use super::DockerWorkerConfig;
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Try again after this.
    RetryAfter(Duration),
    /// Too many: wait until somebody asks for a start, or the bot's configuration changes.
    GiveUp,
}

/// The failures of one bot. Forgotten when the platform ends: then each bot gets its tries again.
#[derive(Clone, Debug, Default)]
pub(super) struct Failures {
    times: VecDeque<Instant>,
    total: u32,
}

impl Failures {
    /// Counts one more.
    pub(super) fn note(&mut self, now: Instant, config: &DockerWorkerConfig) -> Verdict {
        while self.times.front().is_some_and(|time| now.duration_since(*time) > config.retry_window) {
            self.times.pop_front();
        }
        self.times.push_back(now);
        self.total = self.total.saturating_add(1);
        if self.times.len() > config.retries {
            return Verdict::GiveUp;
        }
        let doublings = u32::try_from(self.times.len().saturating_sub(1)).unwrap_or(u32::MAX).min(16);
        Verdict::RetryAfter((config.retry_first * (1 << doublings)).min(config.retry_longest))
    }

    /// Starts afresh, but for the number of restarts that people see.
    pub(super) fn forgive(&mut self) {
        self.times.clear();
    }

    /// How often the bot was started again after a failure.
    pub(super) fn total(&self) -> u32 {
        self.total
    }
}

#[cfg(test)]
mod tests;
