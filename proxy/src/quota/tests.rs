use super::{lease::Lease, reservation::both, standing::Rate, *};
use crate::{
    directory::Directory,
    testing::{ManualClock, World, fresh},
};
use arc_swap::ArcSwap;
use chrono::TimeDelta;
use clawplane_domain::{BotId, TenantId, quota::Threshold};
use proptest::prelude::*;
use std::sync::Arc;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn amount(tokens: u64, cost_micros: u64) -> Amount {
    Amount { tokens, cost_micros }
}

/// A ledger whose desk does not answer: it goes by what it knows, as each proxy by itself would.
fn ledger_in(zone: &str, limits: QuotaLimits) -> Arc<Ledger> {
    let subject = QuotaSubject::bot(TenantId(fresh()), BotId(fresh()));
    let zone = zone.parse().unwrap();
    let ledger = Ledger::new(subject, zone);
    ledger.set_limits(Some(limits));
    let mut lease = Lease::new(zone, at("2026-01-01T00:00:00Z"), None);
    lease.failed();
    ledger.state().lease = Some(Box::new(lease));
    Arc::new(ledger)
}

fn ledger(limits: QuotaLimits) -> Arc<Ledger> {
    ledger_in("UTC", limits)
}

/// Somebody who limits nothing.
fn nobody() -> Arc<Ledger> {
    ledger(QuotaLimits::default())
}

fn kicks() -> Kicks {
    let world = Arc::new(World::default());
    let clock = Arc::new(ManualClock::new("2026-11-20T12:00:00Z"));
    Keeper::new(world, clock, Arc::new(ArcSwap::from_pointee(Directory::default())), String::new()).1
}

impl Ledger {
    /// As if its desk did not answer.
    pub(crate) fn reserve(self: &Arc<Self>, now: Timestamp, estimate: Amount) -> Result<Reservation, No> {
        self.state().lease.get_or_insert_with(|| Box::new(Lease::new(TimeZone::UTC, now, None))).failed();
        let reserved = both(self, &nobody(), now, estimate, false, &kicks());
        reserved.map(|(reservation, _)| reservation).map_err(|(no, _)| no)
    }
}

fn exceeded(limit: &'static str, of: u64, lack: Lack, retry_after: u64) -> No {
    No::Exceeded(Exceeded { limit, of, lack, retry_after })
}

fn daily(tokens: u64) -> Arc<Ledger> {
    ledger(QuotaLimits { daily_tokens: Some(tokens), ..QuotaLimits::default() })
}

#[test]
fn a_limit_that_is_reached_refuses_until_its_window_ends() {
    let (ledger, now) = (daily(100), at("2026-11-30T23:00:00Z"));
    ledger.reserve(now, amount(10, 0)).unwrap().settle(now, now, amount(150, 0));
    let refused = ledger.reserve(now, amount(1, 0)).unwrap_err();
    assert_eq!(refused, exceeded("dailyTokens", 100, Lack::Window, 3600));
    assert!(ledger.reserve(at("2026-12-01T00:00:00Z"), amount(1, 0)).is_ok());
}

#[test]
fn an_unused_quota_never_refuses_a_large_request() {
    let (ledger, now) = (daily(100), at("2026-11-30T23:00:00Z"));
    let large = ledger.reserve(now, amount(1_000_000, 0)).unwrap();
    assert_eq!(ledger.reserve(now, amount(1, 0)).unwrap_err(), No::Busy, "all of it is held");
    large.settle(now, now, amount(20, 0));
    assert!(ledger.reserve(now, amount(1, 0)).is_ok());
}

#[test]
fn what_is_dropped_is_given_back() {
    let (ledger, now) = (daily(100), at("2026-11-30T23:00:00Z"));
    drop(ledger.reserve(now, amount(100, 0)).unwrap());
    assert_eq!(ledger.state().reserved, Amount::default());
    assert_eq!(ledger.state().day.used, Amount::default());
    assert_eq!(ledger.state().rates(now).tokens.unwrap().remaining, 100);
}

#[test]
fn months_and_money_have_their_limits() {
    let now = at("2026-02-27T23:59:59Z");
    let monthly = ledger(QuotaLimits { monthly_cost_micros: Some(500), ..QuotaLimits::default() });
    assert_eq!(monthly.wants_cost(), Some(UnknownPrice::Refuse));
    assert_eq!(daily(5).wants_cost(), None);
    monthly.add_totals(now, amount(0, 10), amount(0, 499));
    monthly.reserve(now, amount(1, 50)).unwrap().settle(now, now, amount(1, 1));
    let refused = monthly.reserve(now, amount(1, 1)).unwrap_err();
    assert_eq!(refused, exceeded("monthlyCostMicros", 500, Lack::Window, 86_401));
    assert!(monthly.reserve(at("2026-03-01T00:00:00Z"), amount(1, 1)).is_ok());
    assert!(ledger(QuotaLimits::default()).reserve(now, amount(u64::MAX, u64::MAX)).is_ok());
}

#[test]
fn a_request_counts_for_the_day_it_arrived_in() {
    let (before, after) = (at("2026-11-30T23:59:59Z"), at("2026-12-01T00:00:05Z"));
    let ledger = daily(100);
    ledger.reserve(before, amount(1, 0)).unwrap().settle(before, after, amount(1000, 0));
    assert!(ledger.reserve(after, amount(1, 0)).is_ok());
    ledger.add(before, amount(1000, 0));
    ledger.add(after, amount(100, 0));
    assert!(ledger.reserve(after, amount(1, 0)).is_err());
}

#[test]
fn rates_hold_in_any_minute() {
    let start = at("2026-11-30T12:00:00Z");
    let ledger = ledger(QuotaLimits {
        requests_per_minute: Some(3),
        tokens_per_minute: Some(1000),
        ..QuotaLimits::default()
    });
    for second in [0, 10, 20] {
        let now = start + TimeDelta::seconds(second);
        ledger.reserve(now, amount(1, 0)).unwrap().settle(now, now, amount(10, 0));
    }
    let refused = ledger.reserve(start + TimeDelta::seconds(59), amount(1, 0)).unwrap_err();
    assert_eq!(refused, exceeded("requestsPerMinute", 3, Lack::Rate, 2));
    let now = start + TimeDelta::seconds(61);
    ledger.reserve(now, amount(1, 0)).unwrap().settle(now, now, amount(990, 0));
    let later = start + TimeDelta::seconds(75);
    let refused = ledger.reserve(later, amount(1, 0)).unwrap_err();
    assert_eq!(refused, exceeded("tokensPerMinute", 1000, Lack::Rate, 6));
}

#[test]
fn together_they_pass_a_limit_by_no_more_than_is_in_flight() {
    let (ledger, now) = (daily(1000), at("2026-11-30T12:00:00Z"));
    let passed: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut passed = 0;
                    for _ in 0..100 {
                        if let Ok(held) = ledger.reserve(now, amount(10, 0)) {
                            held.settle(now, now, amount(10, 0));
                            passed += 1;
                        }
                    }
                    passed
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, 100);
}

#[test]
fn a_limit_of_zero_allows_nothing() {
    let now = at("2026-11-30T12:00:00Z");
    let refused = daily(0).reserve(now, amount(0, 0)).unwrap_err();
    assert_eq!(refused, exceeded("dailyTokens", 0, Lack::Window, 12 * 3600));
    let none = ledger(QuotaLimits { requests_per_minute: Some(0), ..QuotaLimits::default() });
    assert_eq!(none.reserve(now, amount(0, 0)).unwrap_err(), exceeded("requestsPerMinute", 0, Lack::Rate, 1));
    let chores = daily(0).chores(now, "me", true);
    assert!(!chores.iter().any(|chore| matches!(chore, Chore::Reach(_))), "nothing was used up");
}

#[test]
fn windows_are_those_of_the_time_zone() {
    let ask = |ledger: &Arc<Ledger>, now: &str, tokens| {
        let now = at(now);
        let got = ledger.reserve(now, amount(1, 0));
        got.map(|held| held.settle(now, now, amount(tokens, 0)))
    };
    let limits = QuotaLimits { daily_tokens: Some(100), ..QuotaLimits::default() };
    // In Berlin the 25th of October has 25 hours.
    let berlin = ledger_in("Europe/Berlin", limits);
    ask(&berlin, "2026-10-24T22:00:00Z", 100).unwrap();
    let refused = ask(&berlin, "2026-10-24T22:00:00Z", 1).unwrap_err();
    assert_eq!(refused, exceeded("dailyTokens", 100, Lack::Window, 25 * 3600));
    assert!(ask(&berlin, "2026-10-25T22:59:59Z", 1).is_err());
    ask(&berlin, "2026-10-25T23:00:00Z", 1).unwrap();
    // And the 29th of March 23.
    let spring = ledger_in("Europe/Berlin", limits);
    ask(&spring, "2026-03-28T23:00:00Z", 100).unwrap();
    let refused = ask(&spring, "2026-03-29T00:30:00Z", 1).unwrap_err();
    assert_eq!(refused, exceeded("dailyTokens", 100, Lack::Window, 21 * 3600 + 1800));
    ask(&spring, "2026-03-29T22:00:00Z", 1).unwrap();
    let kolkata = ledger_in("Asia/Kolkata", limits);
    ask(&kolkata, "2026-11-20T18:29:59Z", 100).unwrap();
    ask(&kolkata, "2026-11-20T18:30:00Z", 1).unwrap();
}

#[test]
fn another_time_zone_has_other_days_and_keeps_what_was_counted_until_it_is_corrected() {
    let (ledger, now) = (daily(100), at("2026-11-20T20:00:00Z"));
    ledger.add(now, amount(100, 0));
    ledger.set_zone("Asia/Kolkata".parse().unwrap());
    let refused = ledger.reserve(now, amount(1, 0)).unwrap_err();
    assert_eq!(refused, exceeded("dailyTokens", 100, Lack::Window, 22 * 3600 + 1800));
    ledger.correct(now, amount(40, 0), amount(40, 0));
    assert!(ledger.reserve(now, amount(1, 0)).is_ok());
}

#[test]
fn both_or_none() {
    let now = at("2026-11-20T12:00:00Z");
    let limits =
        QuotaLimits { requests_per_minute: Some(5), daily_tokens: Some(50), ..QuotaLimits::default() };
    let (bot, tenant) = (ledger(limits), daily(100));
    tenant.add(now, amount(100, 0));
    let (no, owner) = both(&bot, &tenant, now, amount(10, 0), false, &kicks()).unwrap_err();
    assert_eq!((no, owner), (exceeded("dailyTokens", 100, Lack::Window, 43_200), Owner::Tenant));
    assert_eq!(bot.state().reserved, Amount::default());
    assert_eq!(bot.state().rates(now).requests.unwrap().remaining, 5, "the request does not count");
    let free = daily(100);
    let (held, rates) = both(&bot, &free, now, amount(10, 0), false, &kicks()).unwrap();
    assert_eq!(rates.requests, Some(Rate { limit: 5, remaining: 4, reset: 61 }));
    assert_eq!(rates.tokens, Some(Rate { limit: 50, remaining: 40, reset: 43_200 }), "the tighter one");
    held.settle(now, now, amount(7, 0));
    for (ledger, used) in [(&bot, 7), (&free, 7)] {
        let state = ledger.state();
        assert_eq!((state.reserved, state.day.used), (Amount::default(), amount(used, 0)));
    }
}

#[test]
fn what_others_record_counts_in_their_minute() {
    let now = at("2026-11-20T12:00:00Z");
    let limits = QuotaLimits { requests_per_minute: Some(2), ..QuotaLimits::default() };
    let ledger = ledger(limits);
    ledger.add(now - TimeDelta::seconds(5), amount(1, 0));
    ledger.add(now - TimeDelta::minutes(5), amount(1, 0));
    drop(ledger.reserve(now, amount(1, 0)).unwrap());
    assert!(ledger.reserve(now, amount(1, 0)).is_err());
}

#[test]
fn thresholds_are_chores_until_they_are_written_down() {
    let (ledger, now) = (daily(100), at("2026-11-20T12:00:00Z"));
    let reached = |ledger: &Ledger, now| {
        let chores = ledger.chores(now, "me", false).into_iter();
        let reached: Vec<_> = chores
            .filter_map(|chore| if let Chore::Reach(reached) = chore { Some(reached) } else { None })
            .collect();
        reached
    };
    ledger.add(now, amount(79, 0));
    assert!(reached(&ledger, now).is_empty());
    ledger.add(now, amount(2, 0));
    let near = reached(&ledger, now);
    assert_eq!((near[0].percent, near[0].used, near[0].of), (Threshold::Near, 81, 100));
    assert_eq!(near[0].window_start, at("2026-11-20T00:00:00Z"));
    assert_eq!(reached(&ledger, now), near, "until it is written down");
    ledger.said(near[0]);
    assert!(reached(&ledger, now).is_empty());
    ledger.add(now, amount(30, 0));
    assert_eq!(reached(&ledger, now)[0].percent, Threshold::Full);
    assert!(reached(&ledger, at("2026-11-21T12:00:00Z")).is_empty(), "another day");
}

#[derive(Clone, Debug)]
enum Step {
    Reserve(u64, u64),
    Settle(usize, u64, u64),
    Drop(usize),
    Pass(i64),
    Limit(Option<u64>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..500, 0_u64..500).prop_map(|(tokens, cost)| Step::Reserve(tokens, cost)),
        3 => (any::<usize>(), 0_u64..900, 0_u64..900).prop_map(|(n, tokens, cost)| Step::Settle(n, tokens, cost)),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => (1_i64..90_000).prop_map(Step::Pass),
        1 => prop::option::of(0_u64..3000).prop_map(Step::Limit),
    ]
}

proptest! {
    /// However requests come and end, whatever happens to limits and days meanwhile, nothing stays reserved.
    #[test]
    fn nothing_stays_reserved(steps in prop::collection::vec(step(), 0..80)) {
        let limits = |of| QuotaLimits { daily_tokens: of, monthly_cost_micros: of, ..QuotaLimits::default() };
        let (bot, tenant) = (ledger(limits(Some(2000))), ledger_in("America/Havana", limits(Some(5000))));
        let (kicks, mut now, mut open) = (kicks(), at("2026-10-30T22:00:00Z"), Vec::new());
        for step in steps {
            match step {
                Step::Reserve(tokens, cost) => {
                    let reserved = both(&bot, &tenant, now, amount(tokens, cost), false, &kicks);
                    open.extend(reserved.ok().map(|(reservation, _)| (reservation, now)));
                }
                Step::Settle(n, tokens, cost) if !open.is_empty() => {
                    let (reservation, since) = open.swap_remove(n % open.len());
                    reservation.settle(since, now, amount(tokens, cost));
                }
                Step::Drop(n) if !open.is_empty() => drop(open.swap_remove(n % open.len())),
                Step::Settle(..) | Step::Drop(_) => {}
                Step::Pass(seconds) => now += TimeDelta::seconds(seconds),
                Step::Limit(of) => bot.set_limits(of.map(|of| limits(Some(of)))),
            }
        }
        drop(open);
        prop_assert_eq!(bot.state().reserved, Amount::default());
        prop_assert_eq!(tenant.state().reserved, Amount::default());
    }
}

#[test]
fn a_request_that_will_cost_more_holds_more_of_what_is_left() {
    let limits = QuotaLimits { daily_cost_micros: Some(1000), ..QuotaLimits::default() };
    let (ledger, now) = (ledger(limits), at("2026-11-20T12:00:00Z"));
    let mut first = ledger.reserve(now, amount(10, 100)).unwrap();
    first.raise(now, 300);
    first.raise(now, 50);
    assert_eq!(ledger.held(), amount(10, 300), "it never holds less than before");
    let second = ledger.reserve(now, amount(10, 200)).unwrap();
    first.raise(now, 5000);
    assert_eq!(ledger.held(), amount(20, 1000), "what is left is 500, and it goes on");
    assert_eq!(ledger.reserve(now, amount(1, 1)).unwrap_err(), No::Busy);
    first.settle(now, now, amount(10, 400));
    assert_eq!(ledger.held(), amount(10, 200));
    drop(second);
    assert_eq!(ledger.held(), amount(0, 0));
}
