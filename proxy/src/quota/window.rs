//! The calendar day and month in UTC.

use super::Amount;
use chrono::{Datelike, Months, NaiveDate, NaiveTime};
use clawplane_domain::Timestamp;

/// What was used in one day or month.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    id: i64,
    pub(super) used: Amount,
}

impl Window {
    /// Starts anew where `id` is a later window.
    pub(super) fn roll(&mut self, id: i64) {
        if id > self.id {
            *self = Self { id, used: Amount::default() };
        }
    }

    /// Adds to the window `id`; what belongs to an earlier one is past.
    pub(super) fn add(&mut self, id: i64, amount: Amount) {
        self.roll(id);
        if id == self.id {
            self.used.tokens = self.used.tokens.saturating_add(amount.tokens);
            self.used.cost_micros = self.used.cost_micros.saturating_add(amount.cost_micros);
        }
    }
}

/// The day's number.
pub(super) fn day_of(at: Timestamp) -> i64 {
    at.timestamp().div_euclid(86_400)
}

/// The month's number.
pub(super) fn month_of(at: Timestamp) -> i64 {
    i64::from(at.year()) * 12 + i64::from(at.month0())
}

/// Seconds until the next day begins, at least 1.
pub(super) fn seconds_to_next_day(now: Timestamp) -> u64 {
    let into = now.timestamp().rem_euclid(86_400);
    u64::try_from(86_400 - into).unwrap_or(1)
}

/// Seconds until the next month begins, at least 1.
pub(super) fn seconds_to_next_month(now: Timestamp) -> u64 {
    let first = NaiveDate::from_ymd_opt(now.year(), now.month(), 1)
        .and_then(|day| day.checked_add_months(Months::new(1)));
    let next = first.map(|day| day.and_time(NaiveTime::MIN).and_utc());
    next.and_then(|next| u64::try_from((next - now).num_seconds()).ok()).unwrap_or(0).max(1)
}
