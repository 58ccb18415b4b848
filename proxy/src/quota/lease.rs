//! A proxy's slices of a quota that it shares with other proxies: what it may use without asking anybody.

use super::{Amount, Exceeded, Lack, No};
use chrono::{NaiveDate, TimeDelta};
use clawplane_domain::{
    TimeZone, Timestamp,
    quota::{QuotaLimits, WindowLimit},
    quota_lease::{Ask, LEASE_TTL, Returned},
    time_zone::{Period, Window},
};

use crate::ports::Granted;

/// A lease is not used up to its very end: clocks of two machines differ.
const SAFETY: TimeDelta = TimeDelta::seconds(15);
/// A lease that ends sooner than this is renewed, while it is in use.
const RENEW_WITHIN: TimeDelta = TimeDelta::seconds(60);
/// After so long without a request what is left is given back.
const IDLE: TimeDelta = TimeDelta::seconds(30);
/// What is left of a slice, as a part of it, when the next one is asked for.
const LOW: u64 = 4;

/// What is known of the supply behind a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Supply {
    /// There may be more.
    #[default]
    Open,
    /// Others hold the rest, and may give it back.
    Elsewhere,
    /// There is no more: what this slice has is all that is left.
    Last,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slice {
    /// What was used since this process holds slices of this day.
    used: u64,
    /// What `used` may become.
    ceiling: u64,
    /// How large the slice was when it was granted.
    granted: u64,
    /// What the desk knows to be used of.
    reported: u64,
    supply: Supply,
}

/// Whether a request can wait any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// It can.
    Left,
    /// It cannot.
    Over,
    /// It cannot, and the desk did not answer when it was asked last, for whichever quota.
    OverAndDeskAway,
}

/// The slices of one day, of each limit in force.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent of each other")]
pub(super) struct Lease {
    /// The day, which names its stream.
    pub(super) day: NaiveDate,
    window: Window,
    good_until: Option<Timestamp>,
    slices: [Slice; 4],
    /// What requests needed and did not find, since the desk was asked last.
    wanted: Amount,
    last_use: Timestamp,
    /// The desk cannot be asked: until it can, this proxy goes by what it knows.
    detached: bool,
    /// The desk is being asked.
    asking: bool,
    /// Nobody else had a slice when the desk was asked last.
    alone: bool,
    /// But somebody has one now.
    must_share: bool,
}

/// Where a limit's slice is kept.
fn place(limit: WindowLimit) -> usize {
    match limit {
        WindowLimit::DailyTokens => 0,
        WindowLimit::MonthlyTokens => 1,
        WindowLimit::DailyCostMicros => 2,
        WindowLimit::MonthlyCostMicros => 3,
    }
}

impl Lease {
    /// The lease of the day that `now` lies in. What was used counts on where it is the day of the last one still,
    /// as another time zone may have it.
    pub(super) fn new(zone: TimeZone, now: Timestamp, last: Option<&Self>) -> Self {
        let day = zone.date(now);
        let used = |slice: &Slice| Slice { used: slice.used, ceiling: slice.used, ..Slice::default() };
        let slices = last.filter(|last| last.day == day).map(|last| last.slices.each_ref().map(used));
        Self {
            day,
            window: zone.window(Period::Day, now),
            good_until: None,
            slices: slices.unwrap_or_default(),
            wanted: Amount::default(),
            last_use: now,
            detached: last.is_some_and(|last| last.detached),
            asking: false,
            alone: false,
            must_share: false,
        }
    }

    /// Whether it is of the day that `now` lies in. A clock that was set back a little does not make it another day.
    pub(super) fn is_of(&self, now: Timestamp) -> bool {
        now < self.window.ends_at
    }

    /// Ends it: another time zone has another day.
    pub(super) fn end(&mut self) {
        self.window.ends_at = self.window.starts_at;
    }

    /// Forgets what was said about a limit that has changed.
    pub(super) fn limits_changed(&mut self) {
        for slice in &mut self.slices {
            slice.supply = Supply::Open;
            slice.ceiling = slice.used;
        }
    }

    /// What of `wanted` the slices have, or why it has to wait, if it has the patience.
    pub(super) fn fit(
        &mut self,
        now: Timestamp,
        wanted: Amount,
        reserved: Amount,
        limits: &QuotaLimits,
        patience: Patience,
    ) -> Result<Amount, No> {
        let last = patience != Patience::Left;
        self.last_use = now;
        let mut held = wanted;
        if self.detached {
            return Ok(held);
        }
        let good = self.good_until.is_some_and(|until| now < until);
        for (limit, of) in limits.windows() {
            let slice = &self.slices[place(limit)];
            let open = if good { slice.open(reserved.of(limit)) } else { 0 };
            if held.of(limit) <= open {
                continue;
            }
            let lack = |lack, retry_after| {
                Err(No::Exceeded(Exceeded { limit: limit.name(), of, lack, retry_after }))
            };
            match slice.supply {
                Supply::Last | Supply::Elsewhere if good && open > 0 => held.cap(limit, open),
                // Requests under way hold all of it, and will not need all.
                Supply::Last if good && reserved.of(limit) > 0 && !last => return Err(No::Busy),
                Supply::Last if good && reserved.of(limit) > 0 => return lack(Lack::Held, 1),
                Supply::Last if good => return Err(No::Spent(limit, of)),
                Supply::Elsewhere if good && last => return lack(Lack::Held, 2),
                // Nobody can be asked: what is known here has to do.
                _ if patience == Patience::OverAndDeskAway => {}
                // The desk is only slow: to go on would pass the limit.
                _ if last => return lack(Lack::Held, 2),
                _ => {
                    self.wanted = self.wanted.plus(wanted);
                    return Err(No::Dry);
                }
            }
        }
        Ok(held)
    }

    /// Whether a slice is nearly used up and more should be asked for, before somebody has to wait.
    pub(super) fn is_low(&self, reserved: Amount, limits: &QuotaLimits) -> bool {
        !self.asking
            && !self.detached
            && limits.windows().any(|(limit, _)| {
                let slice = &self.slices[place(limit)];
                slice.supply == Supply::Open && slice.open(reserved.of(limit)) < slice.granted / LOW
            })
    }

    /// Counts what was used.
    pub(super) fn used(&mut self, amount: Amount) {
        for limit in WindowLimit::ALL {
            let slice = &mut self.slices[place(limit)];
            slice.used = slice.used.saturating_add(amount.of(limit));
        }
    }

    /// What to ask the desk for, unless it is being asked.
    pub(super) fn ask(
        &mut self,
        limits: &QuotaLimits,
        reserved: Amount,
        known: impl Fn(WindowLimit) -> u64,
    ) -> Option<Vec<Ask>> {
        if std::mem::replace(&mut self.asking, true) {
            return None;
        }
        let wanted = std::mem::take(&mut self.wanted);
        let ask = |(limit, of)| Ask {
            limit,
            of,
            known: known(limit),
            used: self.slices[place(limit)].used,
            need: reserved.plus(wanted).of(limit),
        };
        Some(limits.windows().map(ask).collect())
    }

    /// Takes in what the desk answered to `asks` at `at`.
    pub(super) fn granted(&mut self, at: Timestamp, asks: &[Ask], answers: &[Granted]) {
        (self.asking, self.detached) = (false, false);
        self.good_until = Some(at + LEASE_TTL - SAFETY);
        for ask in asks {
            let slice = &mut self.slices[place(ask.limit)];
            slice.reported = slice.reported.max(ask.used);
            let Some(answer) = answers.iter().find(|answer| answer.limit == ask.limit) else {
                // It is not limited any more; the event that says so is on its way.
                *slice = Slice { ceiling: u64::MAX, supply: Supply::Open, granted: 0, ..*slice };
                continue;
            };
            slice.ceiling = answer.ceiling;
            slice.granted = answer.ceiling.saturating_sub(ask.used);
            let taken = answer.spent.saturating_add(answer.others).saturating_add(slice.granted);
            slice.supply = match answer.others {
                _ if taken < answer.of => Supply::Open,
                0 => Supply::Last,
                _ => Supply::Elsewhere,
            };
        }
        self.alone = answers.iter().all(|answer| answer.others == 0);
        self.must_share = false;
    }

    /// Somebody else has a slice now: whoever was alone until then holds more than its share.
    pub(super) fn other_holder(&mut self) {
        self.must_share = self.alone && self.good_until.is_some();
    }

    /// Whether nothing is left here, and others hold the rest.
    pub(super) fn is_starved(&self, limits: &QuotaLimits) -> bool {
        let starved = |slice: &Slice| slice.supply == Supply::Elsewhere && slice.open(0) == 0;
        limits.windows().any(|(limit, _)| starved(&self.slices[place(limit)]))
    }

    /// The desk could not be asked.
    pub(super) fn failed(&mut self) {
        (self.asking, self.detached) = (false, true);
    }

    /// Whether it has to be renewed though nobody waits for it.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let in_use = now - self.last_use < IDLE;
        let ending = self.good_until.is_some_and(|until| until - now < RENEW_WITHIN - SAFETY);
        !self.asking && (self.detached || self.must_share || (in_use && ending))
    }

    /// What to give back, if it is idle or `always`. From here on nothing of it may be used.
    pub(super) fn give_back(
        &mut self,
        now: Timestamp,
        always: bool,
        limits: &QuotaLimits,
    ) -> Option<Vec<Returned>> {
        let held = |slice: &Slice| slice.ceiling > slice.used || slice.reported < slice.used;
        let holds = limits.windows().any(|(limit, _)| held(&self.slices[place(limit)]));
        if self.asking || self.good_until.is_none() || !holds || (!always && now - self.last_use < IDLE) {
            return None;
        }
        self.good_until = None;
        let back = |(limit, _)| {
            let slice = &mut self.slices[place(limit)];
            *slice =
                Slice { used: slice.used, reported: slice.used, ceiling: slice.used, ..Slice::default() };
            Returned { limit, used: slice.used }
        };
        Some(limits.windows().map(back).collect())
    }
}

impl Slice {
    fn open(&self, reserved: u64) -> u64 {
        self.ceiling.saturating_sub(self.used).saturating_sub(reserved)
    }
}
