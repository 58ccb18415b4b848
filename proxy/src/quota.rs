//! What a bot has left: an estimate is reserved before the call and settled after it, in memory.
//!
//! Each bot has its own ledger behind its own short lock, so bots never wait for each other, and one bot's
//! requests cannot together pass a limit that each of them alone would have met.

mod minute;
mod window;

use clawplane_domain::{Timestamp, quota::QuotaLimits};
use minute::Minute;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use window::{Window, day_of, month_of, seconds_to_next_day, seconds_to_next_month};

/// An amount of tokens and of micro-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) tokens: u64,
    pub(crate) cost_micros: u64,
}

/// A limit that is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// The limit, as the API names it, and its value.
    pub(crate) what: String,
    /// Seconds until there is something left again.
    pub(crate) retry_after: u64,
}

/// The ledger of one bot.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    limits: QuotaLimits,
    day: Window,
    month: Window,
    reserved: Amount,
    /// There only while a rate is limited.
    minute: Option<Box<Minute>>,
}

impl Ledger {
    /// Puts limits in force.
    pub(crate) fn set_limits(&self, limits: QuotaLimits) {
        let mut state = self.state();
        state.limits = limits;
        let rated = limits.requests_per_minute.is_some() || limits.tokens_per_minute.is_some();
        state.minute = if rated { Some(state.minute.take().unwrap_or_default()) } else { None };
    }

    /// Whether money is limited, so that an estimate of it is needed.
    pub(crate) fn limits_cost(&self) -> bool {
        let limits = self.state().limits;
        limits.daily_cost_micros.is_some() || limits.monthly_cost_micros.is_some()
    }

    /// Adds what was used at `at` elsewhere or before.
    pub(crate) fn add(&self, at: Timestamp, used: Amount) {
        self.state().add(at, used);
    }

    /// Adds what the day and the month of `at` have seen before this process knew.
    pub(crate) fn add_totals(&self, at: Timestamp, day: Amount, month: Amount) {
        let mut state = self.state();
        state.day.add(day_of(at), day);
        state.month.add(month_of(at), month);
    }

    /// Reserves `estimate`, or as much of it as is left; refuses only where nothing is left.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        now: Timestamp,
        estimate: Amount,
    ) -> Result<Reservation, Exceeded> {
        let mut state = self.state();
        state.roll(now);
        let left = state.left(now)?;
        let held = Amount {
            tokens: estimate.tokens.min(left.tokens),
            cost_micros: estimate.cost_micros.min(left.cost_micros),
        };
        state.reserved.tokens = state.reserved.tokens.saturating_add(held.tokens);
        state.reserved.cost_micros = state.reserved.cost_micros.saturating_add(held.cost_micros);
        if let Some(minute) = &mut state.minute {
            minute.add(now, 1, 0);
        }
        Ok(Reservation { ledger: Arc::clone(self), held })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is plain numbers: a panic elsewhere cannot leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn roll(&mut self, now: Timestamp) {
        self.day.roll(day_of(now));
        self.month.roll(month_of(now));
    }

    fn add(&mut self, at: Timestamp, used: Amount) {
        self.day.add(day_of(at), used);
        self.month.add(month_of(at), used);
    }

    /// What may still be reserved under every limit, or the first limit that is reached.
    fn left(&self, now: Timestamp) -> Result<Amount, Exceeded> {
        let QuotaLimits {
            daily_tokens,
            monthly_tokens,
            daily_cost_micros,
            monthly_cost_micros,
            requests_per_minute,
            tokens_per_minute,
        } = self.limits;
        let (day, month, held) = (self.day.used, self.month.used, self.reserved);
        let (tomorrow, next_month) = (|| seconds_to_next_day(now), || seconds_to_next_month(now));
        let mut left = Amount { tokens: u64::MAX, cost_micros: u64::MAX };
        if let Some(minute) = &self.minute {
            let used = minute.requests(now);
            below("requestsPerMinute", requests_per_minute, used, || {
                minute.free_in(now, requests_per_minute.unwrap_or(0), minute::Kind::Requests)
            })?;
            let used = minute.tokens(now).saturating_add(held.tokens);
            left.tokens = below("tokensPerMinute", tokens_per_minute, used, || {
                minute.free_in(now, tokens_per_minute.unwrap_or(0), minute::Kind::Tokens)
            })?;
        }
        let used = |window: u64, held: u64| window.saturating_add(held);
        for (name, limit, window, wait) in [
            ("dailyTokens", daily_tokens, day.tokens, &tomorrow as &dyn Fn() -> u64),
            ("monthlyTokens", monthly_tokens, month.tokens, &next_month),
        ] {
            left.tokens = left.tokens.min(below(name, limit, used(window, held.tokens), wait)?);
        }
        for (name, limit, window, wait) in [
            ("dailyCostMicros", daily_cost_micros, day.cost_micros, &tomorrow as &dyn Fn() -> u64),
            ("monthlyCostMicros", monthly_cost_micros, month.cost_micros, &next_month),
        ] {
            left.cost_micros =
                left.cost_micros.min(below(name, limit, used(window, held.cost_micros), wait)?);
        }
        Ok(left)
    }
}

/// What is left below a limit; no limit leaves everything.
fn below(name: &str, limit: Option<u64>, used: u64, retry_after: impl Fn() -> u64) -> Result<u64, Exceeded> {
    match limit {
        Some(limit) if used >= limit => {
            Err(Exceeded { what: format!("{name} is {limit}"), retry_after: retry_after() })
        }
        Some(limit) => Ok(limit - used),
        None => Ok(u64::MAX),
    }
}

/// Something that is reserved. Dropping it gives it back; settling puts what was really used in its place.
#[derive(Debug)]
pub(crate) struct Reservation {
    ledger: Arc<Ledger>,
    held: Amount,
}

impl Reservation {
    /// Records what a request that arrived at `at` has used, now that it is over.
    pub(crate) fn settle(self, at: Timestamp, now: Timestamp, used: Amount) {
        let mut state = self.ledger.state();
        state.roll(now);
        state.add(at, used);
        if let Some(minute) = &mut state.minute {
            minute.add(now, 0, used.tokens);
        }
        // Dropping `self` gives the reservation back; the lock is its own.
        drop(state);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = self.ledger.state();
        state.reserved.tokens = state.reserved.tokens.saturating_sub(self.held.tokens);
        state.reserved.cost_micros = state.reserved.cost_micros.saturating_sub(self.held.cost_micros);
    }
}

#[cfg(test)]
mod tests;
