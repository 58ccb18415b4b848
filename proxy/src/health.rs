//! How a provider key does, as this proxy knows it: free, cooling down, on probation, disabled.
//!
//! A request that meets a free key pays one relaxed load. Everything else, which only failures lead to, is behind a
//! lock of the key's own; there is none that keys share.

use crate::{config::Cooldowns, ports::KeyNews};
use clawplane_domain::{
    Timestamp,
    provider_key::{CoolCode, Cooling},
};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The health of a key, or rather of its present secret.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Whether anything is held against it: the copy of `record` that the data path reads.
    barred: AtomicBool,
    record: Mutex<Record>,
}

#[derive(Debug, Default)]
struct Record {
    disabled: bool,
    cooling: Option<Cooling>,
    /// When the cool-down began.
    since: Option<Timestamp>,
    /// Until when a probe may take; nobody else tries the key before.
    probe: Option<Timestamp>,
    /// Tells a probe from the one after it.
    probes: u64,
}

/// Whether a request may use a key.
#[derive(Debug)]
pub(crate) enum Admission {
    Free,
    /// The cool-down is over; this request alone tries the key.
    Probe(Probe),
    Barred,
}

/// The right to try a key after its cool-down. Dropped without an outcome, it goes to the next request.
#[derive(Debug)]
pub(crate) struct Probe {
    /// `None` once its outcome is known.
    health: Option<Arc<Health>>,
    number: u64,
}

/// What is held against a key, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Free,
    Cooling(Cooling),
    /// The cool-down is over and a request tries it.
    Probing,
    Disabled,
}

/// A failure that the key, its account or its vendor is at fault for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The vendor does not take the key.
    Refused { status: u16 },
    /// Later it may work again; after this time, where the vendor says one.
    Passing { code: CoolCode, status: Option<u16>, after: Option<Duration> },
}

/// A change that somebody else made, from the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Disabled,
    Enabled,
    Cooled(Cooling),
    Recovered,
}

impl Health {
    pub(crate) fn is_free(&self) -> bool {
        !self.barred.load(Ordering::Relaxed)
    }

    /// Whether a request may use the key now. A probe may take `probation`; after that the next one is let through.
    pub(crate) fn admit(self: &Arc<Self>, now: Timestamp, probation: Duration) -> Admission {
        if self.is_free() {
            return Admission::Free;
        }
        let mut record = self.record();
        match record.cooling {
            _ if record.disabled => Admission::Barred,
            None => Admission::Free,
            Some(cooling) if now < cooling.until || record.probe.is_some_and(|end| now < end) => {
                Admission::Barred
            }
            Some(_) => {
                record.probe = Some(now + probation);
                record.probes += 1;
                Admission::Probe(Probe { health: Some(Arc::clone(self)), number: record.probes })
            }
        }
    }

    /// Takes in a failure. `tell` gets what is news, in the order in which it became true.
    ///
    /// Of a key that is cooling down already, only a probe's failure is news, and a wait that is longer than what is
    /// known by at least as much as that: a hundred requests that fail together make one cool-down.
    pub(crate) fn failed(
        &self,
        fault: &Fault,
        probe: Option<Probe>,
        now: Timestamp,
        times: &Cooldowns,
        tell: impl FnOnce(KeyNews),
    ) {
        let probe = probe.map(Probe::spend);
        let mut record = self.record();
        let probing = probe.is_some_and(|number| record.release(number));
        if record.disabled {
            return;
        }
        let (code, status, after) = match *fault {
            Fault::Refused { status } => {
                record.set_disabled();
                self.publish(&record);
                return tell(KeyNews::Refused { status });
            }
            Fault::Passing { code, status, after } => (code, status, after),
        };
        // What was on its way when the cool-down began is no further failure.
        let failures = match record.cooling {
            None => 1,
            Some(old) if probing => old.failures.saturating_add(1),
            Some(old) => old.failures,
        };
        let cooling = Cooling { until: now + times.of(code, failures, after), code, status, failures };
        if probing || record.is_news(&cooling) {
            record.cool(cooling, now);
            self.publish(&record);
            tell(KeyNews::Cooled(cooling));
        }
    }

    /// Takes in a success. Only a probe's says something: others were sent before the failure.
    pub(crate) fn succeeded(&self, probe: Option<Probe>, tell: impl FnOnce(KeyNews)) {
        let Some(number) = probe.map(Probe::spend) else { return };
        let mut record = self.record();
        if record.release(number) && !record.disabled && record.cooling.take().is_some() {
            self.publish(&record);
            tell(KeyNews::Recovered);
        }
    }

    /// Takes in what a person or another proxy did.
    pub(crate) fn turn(&self, turn: Turn, at: Timestamp) {
        let mut record = self.record();
        match turn {
            Turn::Disabled => record.set_disabled(),
            Turn::Enabled => *record = Record { probes: record.probes, ..Record::default() },
            Turn::Recovered => (record.cooling, record.probe) = (None, None),
            Turn::Cooled(_) if record.disabled => {}
            Turn::Cooled(cooling) => record.cool(cooling, at),
        }
        self.publish(&record);
    }

    pub(crate) fn is_disabled(&self) -> bool {
        self.record().disabled
    }

    pub(crate) fn standing(&self, now: Timestamp) -> Standing {
        let record = self.record();
        match record.cooling {
            _ if record.disabled => Standing::Disabled,
            None => Standing::Free,
            Some(cooling) if now < cooling.until => Standing::Cooling(cooling),
            Some(_) => Standing::Probing,
        }
    }

    fn publish(&self, record: &Record) {
        self.barred.store(record.disabled || record.cooling.is_some(), Ordering::Relaxed);
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn set_disabled(&mut self) {
        (self.disabled, self.cooling, self.probe) = (true, None, None);
    }

    fn cool(&mut self, cooling: Cooling, now: Timestamp) {
        (self.cooling, self.since, self.probe) = (Some(cooling), Some(now), None);
    }

    fn is_news(&self, new: &Cooling) -> bool {
        let Some(old) = self.cooling else { return true };
        let period = self.since.map_or(chrono::Duration::zero(), |since| old.until - since);
        new.until >= old.until + period.max(chrono::Duration::seconds(1))
    }

    /// Ends a probe; false when it took too long and another one has begun.
    fn release(&mut self, number: u64) -> bool {
        let current = self.probe.is_some() && self.probes == number;
        if current {
            self.probe = None;
        }
        current
    }
}

impl Probe {
    /// Its number, for whoever knows the outcome. Nothing of it is left to do at its drop.
    fn spend(mut self) -> u64 {
        self.health = None;
        self.number
    }
}

impl Drop for Probe {
    /// Nothing was learnt: the client went away, or the request never left.
    fn drop(&mut self) {
        if let Some(health) = &self.health {
            health.record().release(self.number);
        }
    }
}

impl Cooldowns {
    /// How long a key is left alone after so many failures in a row.
    fn of(&self, code: CoolCode, failures: u32, after: Option<Duration>) -> Duration {
        let doubled = |base: Duration| base.saturating_mul(1 << failures.saturating_sub(1).min(20));
        match (code, after) {
            (CoolCode::QuotaExhausted, _) => self.exhausted,
            (_, Some(after)) => after.clamp(self.base, self.retry_after_max),
            (CoolCode::RateLimited, None) => doubled(self.rate_limited).min(self.max),
            (_, None) => doubled(self.base).min(self.max),
        }
    }
}

#[cfg(test)]
mod tests;
