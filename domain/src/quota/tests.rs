use super::*;
use crate::testing::{given, id, replay_equals_live};
use proptest::prelude::*;

fn set(limits: QuotaLimits) -> QuotaCommand {
    QuotaCommand::Set { tenant_id: id(1), bot_id: id(2), limits }
}

fn was_set(limits: QuotaLimits) -> QuotaEvent {
    QuotaEvent::Set { tenant_id: id(1), bot_id: id(2), limits }
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
            })
        }));
    }
}
