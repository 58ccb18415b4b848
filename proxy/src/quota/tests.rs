use super::*;
use chrono::TimeDelta;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn amount(tokens: u64, cost_micros: u64) -> Amount {
    Amount { tokens, cost_micros }
}

fn ledger(limits: QuotaLimits) -> Arc<Ledger> {
    let ledger = Arc::new(Ledger::default());
    ledger.set_limits(limits);
    ledger
}

fn daily(tokens: u64) -> Arc<Ledger> {
    ledger(QuotaLimits { daily_tokens: Some(tokens), ..QuotaLimits::default() })
}

#[test]
fn a_limit_that_is_reached_refuses_until_its_window_ends() {
    let (ledger, now) = (daily(100), at("2026-11-30T23:00:00Z"));
    ledger.reserve(now, amount(10, 0)).unwrap().settle(now, now, amount(150, 0));
    let refused = ledger.reserve(now, amount(1, 0)).unwrap_err();
    assert_eq!(refused, Exceeded { what: "dailyTokens is 100".into(), retry_after: 3600 });
    assert!(ledger.reserve(at("2026-12-01T00:00:00Z"), amount(1, 0)).is_ok());
}

#[test]
fn an_unused_quota_never_refuses_a_large_request() {
    let (ledger, now) = (daily(100), at("2026-11-30T23:00:00Z"));
    let large = ledger.reserve(now, amount(1_000_000, 0)).unwrap();
    assert_eq!(
        ledger.reserve(now, amount(1, 0)).unwrap_err().what,
        "dailyTokens is 100",
        "all of it is held"
    );
    large.settle(now, now, amount(20, 0));
    assert!(ledger.reserve(now, amount(1, 0)).is_ok());
}

#[test]
fn what_is_dropped_is_given_back() {
    let (ledger, now) = (daily(100), at("2026-11-30T23:00:00Z"));
    drop(ledger.reserve(now, amount(100, 0)).unwrap());
    assert_eq!(ledger.state().reserved, Amount::default());
    assert_eq!(ledger.state().day.used, Amount::default());
}

#[test]
fn months_and_money_have_their_limits() {
    let now = at("2026-02-27T23:59:59Z");
    let monthly = ledger(QuotaLimits { monthly_cost_micros: Some(500), ..QuotaLimits::default() });
    assert!(monthly.limits_cost());
    monthly.add_totals(now, amount(0, 10), amount(0, 499));
    monthly.reserve(now, amount(1, 50)).unwrap().settle(now, now, amount(1, 1));
    let refused = monthly.reserve(now, amount(1, 1)).unwrap_err();
    assert_eq!(refused, Exceeded { what: "monthlyCostMicros is 500".into(), retry_after: 86_401 });
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
    assert_eq!(refused, Exceeded { what: "requestsPerMinute is 3".into(), retry_after: 2 });
    let now = start + TimeDelta::seconds(61);
    ledger.reserve(now, amount(1, 0)).unwrap().settle(now, now, amount(990, 0));
    let later = start + TimeDelta::seconds(75);
    let refused = ledger.reserve(later, amount(1, 0)).unwrap_err();
    assert_eq!(refused, Exceeded { what: "tokensPerMinute is 1000".into(), retry_after: 6 });
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
