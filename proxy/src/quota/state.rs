//! The numbers of one ledger, under its lock.

use super::{
    Amount, Exceeded, Lack, No, Rates,
    lease::{Lease, Patience},
    minute::{Kind, Minute},
    standing::{Rate, tighter},
    window::Counted,
};
use crate::ports::{Granted, LeaseAsk};
use chrono::NaiveDate;
use clawplane_domain::{
    TimeZone, Timestamp,
    quota::{QuotaLimits, Reached, Threshold, WindowLimit},
    quota_lease::Ask,
    time_zone::Period,
};
use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct State {
    pub(super) limits: QuotaLimits,
    pub(super) zone: TimeZone,
    pub(super) day: Counted,
    pub(super) month: Counted,
    pub(super) reserved: Amount,
    /// There only while a rate is limited.
    pub(super) minute: Option<Box<Minute>>,
    /// There only while a day or a month is limited, from the first request on.
    pub(super) lease: Option<Box<Lease>>,
    /// The thresholds that are written down.
    pub(super) said: BTreeMap<WindowLimit, Reached>,
}

/// What was reserved, and what is left after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Got {
    pub(super) held: Amount,
    pub(super) rates: Rates,
    /// The slice is nearly used up.
    pub(super) is_low: bool,
    /// The day whose slices it was taken from.
    pub(super) day: Option<NaiveDate>,
}

impl State {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self {
            limits: QuotaLimits::default(),
            zone,
            day: Counted::new(Period::Day),
            month: Counted::new(Period::Month),
            reserved: Amount::default(),
            minute: None,
            lease: None,
            said: BTreeMap::new(),
        }
    }

    pub(super) fn set_limits(&mut self, limits: QuotaLimits) {
        self.limits = limits;
        let rated = limits.requests_per_minute.is_some() || limits.tokens_per_minute.is_some();
        self.minute = if rated { Some(self.minute.take().unwrap_or_default()) } else { None };
        self.said.retain(|limit, reached| limit.of(&limits) == Some(reached.of));
        if let Some(lease) = &mut self.lease {
            lease.limits_changed();
        }
    }

    pub(super) fn set_zone(&mut self, zone: TimeZone) {
        if zone != self.zone {
            self.zone = zone;
            self.day.unbound();
            self.month.unbound();
            if let Some(lease) = &mut self.lease {
                lease.end();
            }
        }
    }

    /// Whether a day or a month is limited.
    pub(super) fn is_windowed(&self) -> bool {
        self.limits.windows().next().is_some()
    }

    pub(super) fn roll(&mut self, now: Timestamp) {
        self.day.roll(self.zone, now);
        self.month.roll(self.zone, now);
    }

    /// Counts a request that arrived at `at`. `elsewhere`: it was no reservation here that it ends.
    pub(super) fn add(&mut self, at: Timestamp, used: Amount, elsewhere: bool) {
        self.day.add(self.zone, at, used);
        self.month.add(self.zone, at, used);
        if let (Some(minute), true) = (&mut self.minute, elsewhere) {
            minute.add(at, 1, used.tokens);
        }
    }

    pub(super) fn window(&self, limit: WindowLimit) -> &Counted {
        match limit.period() {
            Period::Day => &self.day,
            Period::Month => &self.month,
        }
    }

    /// Reserves `estimate`, or as much of it as is left, and counts the request.
    pub(super) fn reserve(
        &mut self,
        now: Timestamp,
        estimate: Amount,
        patience: Patience,
    ) -> Result<Got, No> {
        self.roll(now);
        let mut held = self.left(now, estimate, patience != Patience::Left)?;
        let (mut is_low, mut day) = (false, None);
        if self.is_windowed() {
            let (zone, limits, reserved) = (self.zone, self.limits, self.reserved);
            let mut lease = match self.lease.take() {
                Some(lease) if lease.is_of(now) => lease,
                last => Box::new(Lease::new(zone, now, last.as_deref())),
            };
            let fit = lease.fit(now, held, reserved, &limits, patience);
            (is_low, day) = (lease.is_low(reserved.plus(held), &limits), Some(lease.day));
            self.lease = Some(lease);
            held = fit.map_err(|no| match no {
                No::Spent(limit, of) => No::Exceeded(self.day_or_month(limit, of, now)),
                no => no,
            })?;
        }
        self.reserved = self.reserved.plus(held);
        if let Some(minute) = &mut self.minute {
            minute.add(now, 1, 0);
        }
        Ok(Got { held, rates: self.rates(now), is_low, day })
    }

    /// Reserves more for a request that is counted, or as much more as is left; it never stops it.
    pub(super) fn raise(&mut self, now: Timestamp, more: Amount) -> Amount {
        self.roll(now);
        let Ok(mut held) = self.left(now, more, true) else { return Amount::default() };
        if self.is_windowed() {
            let (limits, reserved) = (self.limits, self.reserved);
            let Some(lease) = self.lease.as_mut().filter(|lease| lease.is_of(now)) else {
                return Amount::default();
            };
            match lease.fit(now, held, reserved, &limits, Patience::OverAndDeskAway) {
                Ok(fit) => held = fit,
                Err(_) => return Amount::default(),
            }
        }
        self.reserved = self.reserved.plus(held);
        held
    }

    /// What of `estimate` may be reserved under every limit, or the first limit that is reached.
    fn left(&self, now: Timestamp, estimate: Amount, last: bool) -> Result<Amount, No> {
        let mut left = estimate;
        if let Some(minute) = &self.minute {
            let limits = &self.limits;
            let requests = minute.requests(now);
            if let Some(limit) = limits.requests_per_minute.filter(|limit| requests >= *limit) {
                let retry_after = minute.free_in(now, limit, Kind::Requests);
                return Err(rate("requestsPerMinute", limit, retry_after));
            }
            let tokens = minute.tokens(now).saturating_add(self.reserved.tokens);
            if let Some(limit) = limits.tokens_per_minute {
                if tokens >= limit {
                    return Err(rate("tokensPerMinute", limit, minute.free_in(now, limit, Kind::Tokens)));
                }
                left.tokens = left.tokens.min(limit - tokens);
            }
        }
        for (limit, of) in self.limits.windows() {
            let used = self.window(limit).used.of(limit);
            if used >= of {
                return Err(No::Exceeded(self.day_or_month(limit, of, now)));
            }
            let rest = (of - used).saturating_sub(self.reserved.of(limit));
            if rest == 0 {
                let held = Exceeded { limit: limit.name(), of, lack: Lack::Held, retry_after: 1 };
                return Err(if last { No::Exceeded(held) } else { No::Busy });
            }
            left.cap(limit, rest);
        }
        Ok(left)
    }

    fn day_or_month(&self, limit: WindowLimit, of: u64, now: Timestamp) -> Exceeded {
        let window = self.zone.window(limit.period(), now);
        let seconds = (window.ends_at - now).num_milliseconds().max(0).unsigned_abs().div_ceil(1000);
        Exceeded { limit: limit.name(), of, lack: Lack::Window, retry_after: seconds.max(1) }
    }

    /// What is left, for the headers.
    pub(super) fn rates(&self, now: Timestamp) -> Rates {
        let mut rates = Rates::default();
        if let Some(minute) = &self.minute {
            let rate = |limit: u64, used: u64, kind| Rate {
                limit,
                remaining: limit.saturating_sub(used),
                reset: if used == 0 { 0 } else { minute.free_in(now, 1, kind) },
            };
            let limit = self.limits.requests_per_minute;
            rates.requests = limit.map(|limit| rate(limit, minute.requests(now), Kind::Requests));
            let tokens = minute.tokens(now).saturating_add(self.reserved.tokens);
            rates.tokens = self.limits.tokens_per_minute.map(|limit| rate(limit, tokens, Kind::Tokens));
        }
        for (limit, of) in self.limits.windows().filter(|(limit, _)| !limit.is_cost()) {
            let used = self.window(limit).used.tokens.saturating_add(self.reserved.tokens);
            let reset = self.day_or_month(limit, of, now).retry_after;
            let rate = Rate { limit: of, remaining: of.saturating_sub(used), reset };
            rates.tokens = tighter(rates.tokens, Some(rate));
        }
        rates
    }

    /// What to ask the desk for, with the day that it is asked for.
    pub(super) fn ask(&mut self, now: Timestamp) -> Option<(NaiveDate, Vec<Ask>)> {
        self.roll(now);
        let mut lease = self.lease.take().filter(|lease| lease.is_of(now))?;
        let asks = lease.ask(&self.limits, self.reserved, |limit| self.window(limit).used.of(limit));
        let day = lease.day;
        self.lease = Some(lease);
        Some((day, asks?))
    }

    pub(super) fn granted(&mut self, ask: &LeaseAsk, answers: &[Granted]) -> bool {
        let limits = self.limits;
        let Some(lease) = self.lease.as_mut().filter(|lease| lease.day == ask.day) else { return false };
        lease.granted(ask.at, &ask.asks, answers);
        lease.is_starved(&limits)
    }

    /// The thresholds that are reached and not written down yet.
    pub(super) fn reached(&self, now: Timestamp) -> Vec<Reached> {
        // Where nothing is allowed nothing is used up.
        let limits = self.limits.windows().filter(|(_, of)| *of > 0);
        let reached = limits.filter_map(|(limit, of)| {
            let used = self.window(limit).used.of(limit);
            let window_start = self.zone.window(limit.period(), now).starts_at;
            let percent = Threshold::reached(used, of)?;
            Some(Reached { limit, of, window_start, percent, used })
        });
        let news = |reached: &Reached| {
            self.said.get(&reached.limit).is_none_or(|said| {
                (said.window_start, said.percent) != (reached.window_start, reached.percent)
            })
        };
        reached.filter(news).collect()
    }
}

fn rate(limit: &'static str, of: u64, retry_after: u64) -> No {
    No::Exceeded(Exceeded { limit, of, lack: Lack::Rate, retry_after })
}
