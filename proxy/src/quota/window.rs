//! What was used in the present day or month of a time zone.

use super::Amount;
use clawplane_domain::{
    TimeZone, Timestamp,
    time_zone::{Period, Window},
};

/// A day or a month with what was used in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    period: Period,
    /// None before the first look at it, and after the time zone was changed.
    window: Option<Window>,
    pub(super) used: Amount,
}

impl Counted {
    pub(super) fn new(period: Period) -> Self {
        Self { period, window: None, used: Amount::default() }
    }

    /// Lets its bounds be found anew. What was counted stays: the read model will correct it.
    pub(super) fn unbound(&mut self) {
        self.window = None;
    }

    /// Makes `at` lie in the window or before it: starts anew where it lies after.
    pub(super) fn roll(&mut self, zone: TimeZone, at: Timestamp) -> Window {
        match self.window {
            Some(window) if at < window.ends_at => window,
            last => {
                let window = zone.window(self.period, at);
                if last.is_some() {
                    self.used = Amount::default();
                }
                *self.window.insert(window)
            }
        }
    }

    /// Adds to the window that `at` lies in; what belongs to an earlier one is past.
    pub(super) fn add(&mut self, zone: TimeZone, at: Timestamp, amount: Amount) {
        if self.roll(zone, at).contains(at) {
            self.used = self.used.plus(amount);
        }
    }

    /// Replaces what was counted by what is known for sure.
    pub(super) fn correct(&mut self, zone: TimeZone, at: Timestamp, used: Amount) {
        if self.roll(zone, at).contains(at) {
            self.used = used;
        }
    }
}
