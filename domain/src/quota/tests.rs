use super::*;
use crate::testing::{at, given, id, replay_equals_live};
use proptest::prelude::*;

fn subject() -> QuotaSubject {
    QuotaSubject::bot(id(1), id(2))
}

fn set(limits: QuotaLimits) -> QuotaCommand {
    QuotaCommand::Set { subject: subject(), limits }
}

fn was_set(limits: QuotaLimits) -> QuotaEvent {
    QuotaEvent::Set { subject: subject(), limits }
}

fn daily(tokens: u64) -> QuotaLimits {
    QuotaLimits { daily_tokens: Some(tokens), ..QuotaLimits::default() }
}

#[test]
fn limits_replace_all_earlier_ones() {
    assert_eq!(given::<Quota>([]).when(set(daily(5))).then([was_set(daily(5))]).limits, Some(daily(5)));
    let monthly = QuotaLimits { monthly_cost_micros: Some(7), ..QuotaLimits::default() };
    let state = given::<Quota>([was_set(daily(5))]).when(set(monthly)).then([was_set(monthly)]);
    assert_eq!(state.limits, Some(monthly), "the daily limit is gone");
}

#[test]
fn the_same_limits_again_change_nothing() {
    given::<Quota>([was_set(daily(5))]).when(set(daily(5))).then_nothing();
    // "No limits" is something that somebody said; it is not the same as having said nothing.
    let none = QuotaLimits::default();
    given::<Quota>([]).when(set(none)).then([was_set(none)]);
    given::<Quota>([was_set(none)]).when(set(none)).then_nothing();
}

#[test]
fn a_limit_that_not_every_reader_can_hold_is_refused_by_its_name() {
    let none = QuotaLimits::default();
    let over = Some(MAX_LIMIT + 1);
    let cases = [
        ("dailyTokens", QuotaLimits { daily_tokens: over, ..none }),
        ("monthlyTokens", QuotaLimits { monthly_tokens: over, ..none }),
        ("dailyCostMicros", QuotaLimits { daily_cost_micros: over, ..none }),
        ("monthlyCostMicros", QuotaLimits { monthly_cost_micros: over, ..none }),
        ("requestsPerMinute", QuotaLimits { requests_per_minute: over, ..none }),
        ("tokensPerMinute", QuotaLimits { tokens_per_minute: over, ..none }),
    ];
    for (field, limits) in cases {
        given::<Quota>([]).when(set(limits)).refused(&QuotaRefusal::TooLarge { field });
        // The name is the one in JSON, and no limit is forgotten.
        let json = serde_json::to_value(limits).unwrap();
        assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), [field]);
    }
    let most = daily(MAX_LIMIT);
    given::<Quota>([]).when(set(most)).then([was_set(most)]);
    given::<Quota>([]).when(set(daily(0))).then([was_set(daily(0))]);
}

#[test]
fn what_was_cleared_limits_nothing() {
    let cleared = QuotaEvent::Cleared { subject: subject() };
    let clear = QuotaCommand::Clear { subject: subject() };
    let state = given::<Quota>([was_set(daily(5))]).when(clear.clone()).then([cleared.clone()]);
    assert_eq!(state, Quota::default());
    given::<Quota>([]).when(clear.clone()).then_nothing();
    given::<Quota>([was_set(daily(5)), cleared.clone()]).when(clear).then_nothing();
    given::<Quota>([was_set(daily(5)), cleared]).when(set(daily(5))).then([was_set(daily(5))]);
}

#[test]
fn what_a_tenant_may_use_has_a_stream_of_its_own() {
    let tenant = QuotaSubject::tenant(id(1));
    assert_ne!(tenant.stream(), subject().stream());
    let event = QuotaEvent::Set { subject: tenant, limits: daily(5) };
    let json = serde_json::to_value(&event).unwrap();
    assert!(json.get("botId").is_none() && json.get("tenantId").is_some(), "{json}");
    given::<Quota>([]).when(QuotaCommand::Set { subject: tenant, limits: daily(5) }).then([event]);
}

#[test]
fn an_unknown_price_is_refused_unless_it_is_said_otherwise() {
    let old: QuotaLimits = serde_json::from_str(r#"{"dailyCostMicros": 5}"#).unwrap();
    assert_eq!(old.unknown_price, UnknownPrice::Refuse);
    let allow = QuotaLimits { unknown_price: UnknownPrice::Allow, ..old };
    given::<Quota>([was_set(old)]).when(set(allow)).then([was_set(allow)]);
    assert_eq!(serde_json::to_value(allow).unwrap()["unknownPrice"], "allow");
}

fn reach(of: u64, window: i64, percent: Threshold, used: u64) -> Reached {
    Reached { limit: WindowLimit::DailyTokens, of, window_start: at(window), percent, used }
}

fn said(reached: Reached) -> QuotaEvent {
    QuotaEvent::ThresholdReached { subject: subject(), reached }
}

fn say(reached: Reached) -> QuotaCommand {
    QuotaCommand::Reach { subject: subject(), reached }
}

#[test]
fn a_threshold_is_said_once_a_window() {
    let (near, full) = (reach(100, 0, Threshold::Near, 80), reach(100, 0, Threshold::Full, 104));
    given::<Quota>([was_set(daily(100))]).when(say(near)).then([said(near)]);
    let known = || [was_set(daily(100)), said(near)];
    given::<Quota>(known()).when(say(reach(100, 0, Threshold::Near, 95))).then_nothing();
    given::<Quota>(known()).when(say(full)).then([said(full)]);
    let both = || known().into_iter().chain([said(full)]);
    given::<Quota>(both()).when(say(full)).then_nothing();
    given::<Quota>(both()).when(say(near)).then_nothing();
    let tomorrow = reach(100, 86_400, Threshold::Near, 81);
    given::<Quota>(both()).when(say(tomorrow)).then([said(tomorrow)]);
    given::<Quota>(both().chain([said(tomorrow)])).when(say(full)).then_nothing();
}

#[test]
fn a_threshold_is_one_of_the_limit_in_force() {
    let near = reach(100, 0, Threshold::Near, 80);
    given::<Quota>([]).when(say(near)).then_nothing();
    given::<Quota>([was_set(daily(101))]).when(say(near)).then_nothing();
    given::<Quota>([was_set(daily(100))]).when(say(reach(100, 0, Threshold::Near, 79))).then_nothing();
    // With another limit it can be reached again; with another limit beside it, it was reached before.
    let raised = reach(200, 0, Threshold::Near, 160);
    let then = [was_set(daily(100)), said(near), was_set(daily(200))];
    given::<Quota>(then).when(say(raised)).then([said(raised)]);
    let beside = QuotaLimits { monthly_tokens: Some(9), ..daily(100) };
    given::<Quota>([was_set(daily(100)), said(near), was_set(beside)]).when(say(near)).then_nothing();
}

#[test]
fn thresholds_are_exact_for_every_limit() {
    assert_eq!(Threshold::reached(0, 0), Some(Threshold::Full));
    assert_eq!(Threshold::reached(7_999, 10_000), None);
    assert_eq!(Threshold::reached(8_000, 10_000), Some(Threshold::Near));
    assert_eq!(Threshold::reached(MAX_LIMIT - 1, MAX_LIMIT), Some(Threshold::Near));
    assert_eq!(Threshold::reached(u64::MAX, MAX_LIMIT), Some(Threshold::Full));
}

proptest! {
    #[test]
    fn replay_is_the_live_state(commands in prop::collection::vec(any::<[Option<u64>; 6]>(), 0..8)) {
        replay_equals_live::<Quota>(commands.into_iter().map(|[a, b, c, d, e, f]| {
            let halved = |limit: Option<u64>| limit.map(|limit| limit >> 10);
            set(QuotaLimits {
                daily_tokens: halved(a),
                monthly_tokens: halved(b),
                daily_cost_micros: halved(c),
                monthly_cost_micros: halved(d),
                requests_per_minute: halved(e),
                tokens_per_minute: halved(f),
                unknown_price: if a.is_some() { UnknownPrice::Allow } else { UnknownPrice::Refuse },
            })
        }));
    }
}
