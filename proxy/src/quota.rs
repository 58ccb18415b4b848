//! What a bot and its tenant have left: an estimate is reserved before the call and settled after it, in memory.
//!
//! Each bot and each tenant has its own ledger behind its own short lock. A request reserves in both or in none. Where
//! several proxies share a quota, a ledger also holds slices of it (`lease`), which the `keeper` gets in the background.

mod keeper;
mod lease;
mod minute;
mod reservation;
mod standing;
mod state;
mod window;

pub(crate) use keeper::{Keeper, Kicks};
pub(crate) use reservation::{Refused, Reservation, reserve};
pub(crate) use standing::{Exceeded, Lack, Owner, Rates};

use crate::ports::{Granted, LeaseAsk, LeaseReturn};
use clawplane_domain::{
    TenantId, TimeZone, Timestamp,
    quota::{QuotaLimits, QuotaSubject, Reached, UnknownPrice, WindowLimit},
};
use state::State;
use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::Notify;

/// An amount of tokens and of micro-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) tokens: u64,
    pub(crate) cost_micros: u64,
}

impl Amount {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            cost_micros: self.cost_micros.saturating_add(other.cost_micros),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_sub(other.tokens),
            cost_micros: self.cost_micros.saturating_sub(other.cost_micros),
        }
    }

    /// What of it a limit counts.
    fn of(self, limit: WindowLimit) -> u64 {
        if limit.is_cost() { self.cost_micros } else { self.tokens }
    }

    /// Makes what a limit counts no larger than `most`.
    fn cap(&mut self, limit: WindowLimit, most: u64) {
        let part = if limit.is_cost() { &mut self.cost_micros } else { &mut self.tokens };
        *part = (*part).min(most);
    }
}

/// Why nothing could be reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum No {
    /// A limit is reached.
    Exceeded(Exceeded),
    /// A day's or a month's limit is used up, as the desk says.
    Spent(WindowLimit, u64),
    /// Other requests hold all that is left, and will not need all of it.
    Busy,
    /// The slice is used up, and there may be another one.
    Dry,
}

/// The ledger of one bot or one tenant.
#[derive(Debug)]
pub(crate) struct Ledger {
    subject: QuotaSubject,
    state: Mutex<State>,
    /// Rung when something came free for those that wait.
    more: Notify,
    /// It stands in the keeper's queue.
    queued: AtomicBool,
}

/// What a ledger needs to have done outside of the data path.
#[derive(Debug)]
pub(crate) enum Chore {
    Renew,
    Return(LeaseReturn),
    Reach(Reached),
}

impl Ledger {
    pub(crate) fn new(subject: QuotaSubject, zone: TimeZone) -> Self {
        let state = Mutex::new(State::new(zone));
        Self { subject, state, more: Notify::new(), queued: AtomicBool::new(false) }
    }

    /// The tenant that it is, or whose bot it is.
    pub(crate) fn tenant(&self) -> TenantId {
        self.subject.tenant_id
    }

    /// Puts limits in force; `None` is no limit at all.
    pub(crate) fn set_limits(&self, limits: Option<QuotaLimits>) {
        self.state().set_limits(limits.unwrap_or_default());
        self.more.notify_waiters();
    }

    /// Lets days and months be those of another time zone.
    pub(crate) fn set_zone(&self, zone: TimeZone) {
        self.state().set_zone(zone);
    }

    /// What a request must have that money is limited for: a price, an estimate of it, or nothing of the kind.
    pub(crate) fn wants_cost(&self) -> Option<UnknownPrice> {
        let limits = self.state().limits;
        limits.limits_cost().then_some(limits.unknown_price)
    }

    /// Adds a request that others have recorded.
    pub(crate) fn add(&self, at: Timestamp, used: Amount) {
        self.state().add(at, used, true);
    }

    /// Adds what the day and the month of `at` have seen before this process knew.
    pub(crate) fn add_totals(&self, at: Timestamp, day: Amount, month: Amount) {
        let mut state = self.state();
        let zone = state.zone;
        state.day.add(zone, at, day);
        state.month.add(zone, at, month);
    }

    /// Puts what the day and the month of `at` have seen in the place of what was counted.
    pub(crate) fn correct(&self, at: Timestamp, day: Amount, month: Amount) {
        let mut state = self.state();
        let zone = state.zone;
        state.day.correct(zone, at, day);
        state.month.correct(zone, at, month);
    }

    /// Another proxy has leased of the same quota.
    pub(crate) fn other_holder(&self) {
        if let Some(lease) = &mut self.state().lease {
            lease.other_holder();
        }
    }

    /// What to ask the desk for; `None` when no day or month is limited, or it is being asked.
    fn ask(&self, now: Timestamp, holder: &str) -> Option<LeaseAsk> {
        let mut state = self.state();
        let (day, asks) = state.ask(now)?;
        drop(state);
        Some(LeaseAsk { subject: self.subject, holder: holder.to_owned(), day, at: now, asks })
    }

    /// Takes in the desk's answer; true when nothing is left and others hold the rest.
    fn granted(&self, ask: &LeaseAsk, answers: &[Granted]) -> bool {
        self.state().granted(ask, answers)
    }

    /// What requests under way hold.
    #[cfg(test)]
    pub(crate) fn held(&self) -> Amount {
        self.state().reserved
    }

    fn failed(&self) {
        if let Some(lease) = &mut self.state().lease {
            lease.failed();
        }
    }

    /// What there is to do. `always` gives back every slice, used lately or not.
    fn chores(&self, now: Timestamp, holder: &str, always: bool) -> Vec<Chore> {
        let mut state = self.state();
        if !state.is_windowed() {
            return Vec::new();
        }
        state.roll(now);
        let limits = state.limits;
        let mut chores: Vec<_> = state.reached(now).into_iter().map(Chore::Reach).collect();
        let Some(lease) = &mut state.lease else { return chores };
        if let Some(used) = lease.give_back(now, always, &limits) {
            let (subject, day) = (self.subject, lease.day);
            chores.push(Chore::Return(LeaseReturn {
                subject,
                holder: holder.to_owned(),
                day,
                at: now,
                used,
            }));
        } else if lease.is_due(now) {
            chores.push(Chore::Renew);
        }
        chores
    }

    /// A threshold is written down: it is not said again.
    fn said(&self, reached: Reached) {
        self.state().said.insert(reached.limit, reached);
    }

    /// Whether it can be put into the keeper's queue: once at a time.
    fn queue(&self) -> bool {
        !self.queued.swap(true, Ordering::AcqRel)
    }

    fn unqueue(&self) {
        self.queued.store(false, Ordering::Release);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is plain numbers: a panic elsewhere cannot leave it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
