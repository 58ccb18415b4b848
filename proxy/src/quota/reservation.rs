//! Something that is reserved, in the ledgers of a bot and of its tenant: in both, or in none.

use super::{Amount, Exceeded, Kicks, Ledger, No, Owner, Rates, lease::Patience};
use chrono::NaiveDate;
use clawplane_domain::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// How long a request waits for a slice that may be granted, or for what others hold and may not need.
const WAIT: Duration = Duration::from_secs(2);

/// What is held of one ledger. Dropping it gives it back.
#[derive(Debug)]
struct Hold {
    ledger: Arc<Ledger>,
    held: Amount,
    at: Timestamp,
    /// The day whose slices it was taken from.
    day: Option<NaiveDate>,
}

impl Hold {
    fn take(
        ledger: &Arc<Ledger>,
        now: Timestamp,
        estimate: Amount,
        last: bool,
        kicks: &Kicks,
    ) -> Result<(Self, Rates), No> {
        let patience = match (last, kicks.desk_is_away()) {
            (false, _) => Patience::Left,
            (true, false) => Patience::Over,
            (true, true) => Patience::OverAndDeskAway,
        };
        let got = ledger.state().reserve(now, estimate, patience)?;
        if got.is_low {
            kicks.kick(ledger);
        }
        Ok((Self { ledger: Arc::clone(ledger), held: got.held, at: now, day: got.day }, got.rates))
    }

    /// Gives back the request itself too: it did not go on.
    fn cancel(self) {
        if let Some(minute) = &mut self.ledger.state().minute {
            minute.uncount(self.at);
        }
    }

    /// Holds as much money as `cost_micros`, where it holds less and there is more.
    fn raise(&mut self, now: Timestamp, cost_micros: u64) {
        let more = cost_micros.saturating_sub(self.held.cost_micros);
        if more > 0 {
            let got = self.ledger.state().raise(now, Amount { tokens: 0, cost_micros: more });
            self.held = self.held.plus(got);
        }
    }

    fn settle(self, at: Timestamp, now: Timestamp, used: Amount) {
        let mut state = self.ledger.state();
        state.roll(now);
        state.add(at, used, false);
        if let Some(minute) = &mut state.minute {
            minute.add(now, 0, used.tokens);
        }
        if let Some(lease) = state.lease.as_mut().filter(|lease| Some(lease.day) == self.day) {
            lease.used(used);
        }
        // Dropping `self` gives the reservation back; the lock is its own.
        drop(state);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.ledger.state();
        state.reserved = state.reserved.minus(self.held);
        drop(state);
        self.ledger.more.notify_waiters();
    }
}

/// What a request has reserved. Dropping it gives it back; settling puts what was really used in its place.
#[derive(Debug)]
pub(crate) struct Reservation {
    bot: Hold,
    tenant: Hold,
}

impl Reservation {
    /// The request will rather cost this.
    pub(crate) fn raise(&mut self, now: Timestamp, cost_micros: u64) {
        self.bot.raise(now, cost_micros);
        self.tenant.raise(now, cost_micros);
    }

    /// Records what a request that arrived at `at` has used, now that it is over.
    pub(crate) fn settle(self, at: Timestamp, now: Timestamp, used: Amount) {
        self.bot.settle(at, now, used);
        self.tenant.settle(at, now, used);
    }
}

/// A limit that is reached, whose it is, and where all limits stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) exceeded: Exceeded,
    pub(crate) owner: Owner,
    pub(crate) rates: Rates,
}

/// Reserves `estimate` for a bot and its tenant, or as much of it as is left; refuses only where nothing is left.
///
/// It waits, for a bounded time, where what is left is not here or is held by requests under way.
pub(crate) async fn reserve(
    bot: &Arc<Ledger>,
    tenant: &Arc<Ledger>,
    now: Timestamp,
    estimate: Amount,
    kicks: &Kicks,
) -> Result<(Reservation, Rates), Refused> {
    let mut deadline = None;
    loop {
        let last = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let (no, owner) = match both(bot, tenant, now, estimate, last, kicks) {
            Ok(reserved) => return Ok(reserved),
            Err(no) => no,
        };
        let ledger = if owner == Owner::Bot { bot } else { tenant };
        if let No::Exceeded(exceeded) = no {
            let rates = bot.state().rates(now).tighter(tenant.state().rates(now));
            return Err(Refused { exceeded, owner, rates });
        }
        let deadline = *deadline.get_or_insert_with(|| Instant::now() + WAIT);
        let more = ledger.more.notified();
        tokio::pin!(more);
        // What came free since the try is not missed: from here on it is heard, and so it is tried once more.
        more.as_mut().enable();
        match both(bot, tenant, now, estimate, false, kicks) {
            Ok(reserved) => return Ok(reserved),
            Err((No::Dry, Owner::Bot)) => kicks.kick(bot),
            Err((No::Dry, Owner::Tenant)) => kicks.kick(tenant),
            Err((No::Busy, _)) => {}
            Err(_) => continue,
        }
        // Whether it was heard or not: the next round decides.
        let _ = timeout_at(deadline, more).await;
    }
}

pub(super) fn both(
    bot: &Arc<Ledger>,
    tenant: &Arc<Ledger>,
    now: Timestamp,
    estimate: Amount,
    last: bool,
    kicks: &Kicks,
) -> Result<(Reservation, Rates), (No, Owner)> {
    let (held, rates) = Hold::take(bot, now, estimate, last, kicks).map_err(|no| (no, Owner::Bot))?;
    match Hold::take(tenant, now, estimate, last, kicks) {
        Ok((tenant, more)) => Ok((Reservation { bot: held, tenant }, rates.tighter(more))),
        Err(no) => {
            held.cancel();
            Err((no, Owner::Tenant))
        }
    }
}
