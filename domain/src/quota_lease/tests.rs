use super::*;
use crate::testing::{at, given, id, replay_equals_live};
use proptest::prelude::*;

const LIMIT: WindowLimit = WindowLimit::DailyTokens;

fn subject() -> QuotaSubject {
    QuotaSubject::bot(id(1), id(2))
}

fn ask(of: u64, known: u64, used: u64, need: u64) -> Ask {
    Ask { limit: LIMIT, of, known, used, need }
}

fn renew(holder: &str, seconds: i64, ask: Ask) -> LeaseCommand {
    LeaseCommand::Renew { subject: subject(), holder: holder.into(), at: at(seconds), asks: vec![ask] }
}

fn leased(holder: &str, seconds: i64, known: u64, used: u64, ceiling: u64) -> LeaseEvent {
    let slices = vec![Slice { limit: LIMIT, known, used, ceiling }];
    let expires_at = at(seconds) + LEASE_TTL;
    LeaseEvent::Leased { subject: subject(), holder: holder.into(), expires_at, slices }
}

fn give_back(holder: &str, used: u64) -> LeaseCommand {
    let used = vec![Returned { limit: LIMIT, used }];
    LeaseCommand::Return { subject: subject(), holder: holder.into(), used }
}

fn returned(holder: &str, used: u64) -> LeaseEvent {
    let slices = vec![Returned { limit: LIMIT, used }];
    LeaseEvent::Returned { subject: subject(), holder: holder.into(), slices }
}

#[test]
fn who_is_alone_gets_half_of_what_is_left() {
    given::<QuotaLease>([]).when(renew("a", 0, ask(1000, 200, 0, 1))).then([leased("a", 0, 200, 0, 400)]);
    let held = || [leased("a", 0, 200, 0, 400)];
    let more = renew("a", 9, ask(1000, 600, 400, 1));
    given::<QuotaLease>(held()).when(more).then([leased("a", 9, 600, 400, 600)]);
    // Need goes before custom, and nothing before the limit.
    let much = renew("a", 9, ask(1000, 600, 400, 390));
    given::<QuotaLease>(held()).when(much).then([leased("a", 9, 600, 400, 790)]);
    let too_much = renew("a", 9, ask(1000, 600, 400, 3900));
    given::<QuotaLease>(held()).when(too_much).then([leased("a", 9, 600, 400, 800)]);
}

#[test]
fn others_share_what_is_left() {
    let a = || leased("a", 0, 0, 0, 500);
    given::<QuotaLease>([a()]).when(renew("b", 1, ask(1000, 0, 0, 1))).then([leased("b", 1, 0, 0, 125)]);
    let all = leased("a", 0, 0, 0, 1000);
    given::<QuotaLease>([all.clone()]).when(renew("b", 1, ask(1000, 0, 0, 5))).then_nothing();
    let mut state = QuotaLease::default();
    state.evolve(all);
    assert_eq!(state.standing(LIMIT, "b", at(1)), Standing { ceiling: 0, spent: 0, others: 1000 });
}

#[test]
fn what_is_given_back_is_free_for_others() {
    let a = || leased("a", 0, 0, 0, 1000);
    given::<QuotaLease>([a()]).when(give_back("a", 30)).then([returned("a", 30)]);
    let free = || [a(), returned("a", 30)];
    given::<QuotaLease>(free()).when(give_back("a", 30)).then_nothing();
    given::<QuotaLease>(free()).when(give_back("nobody", 30)).then_nothing();
    given::<QuotaLease>(free()).when(renew("b", 1, ask(1000, 0, 0, 1))).then([leased("b", 1, 0, 0, 485)]);
}

#[test]
fn who_is_not_heard_of_counts_with_what_it_reported_and_with_what_others_know() {
    let a = || [leased("a", -60, 0, 0, 500), leased("a", 0, 100, 100, 1000)];
    let later = LEASE_TTL.num_seconds();
    given::<QuotaLease>(a()).when(renew("b", later - 1, ask(1000, 100, 0, 1))).then_nothing();
    let b = renew("b", later, ask(1000, 100, 0, 1));
    given::<QuotaLease>(a()).when(b).then([leased("b", later, 100, 0, 450)]);
    // Its spool was uploaded: it had used 700 in truth.
    let b = renew("b", later, ask(1000, 700, 0, 1));
    given::<QuotaLease>(a()).when(b).then([leased("b", later, 700, 0, 150)]);
}

#[test]
fn what_was_used_beyond_the_lease_counts() {
    let a = || [leased("a", 0, 0, 0, 1000)];
    let over = renew("a", 1, ask(1000, 1100, 1100, 1));
    let state = given::<QuotaLease>(a()).when(over).then([leased("a", 1, 1100, 1100, 1100)]);
    assert_eq!(state.standing(LIMIT, "a", at(1)), Standing { ceiling: 1100, spent: 1100, others: 0 });
    let again = renew("a", 2, ask(1000, 1100, 1100, 1));
    let known = a().into_iter().chain([leased("a", 1, 1100, 1100, 1100)]);
    given::<QuotaLease>(known).when(again).then_nothing();
}

#[test]
fn a_command_that_comes_twice_counts_once() {
    let commands = || [renew("a", 0, ask(1000, 0, 0, 1)), renew("a", 1, ask(1000, 50, 50, 1))];
    let twice = commands().into_iter().flat_map(|command| [command.clone(), command]);
    let (mut once, mut repeated) = (QuotaLease::default(), QuotaLease::default());
    for (state, commands) in [(&mut once, commands().to_vec()), (&mut repeated, twice.collect())] {
        for command in commands {
            state.decide(command).unwrap().into_iter().for_each(|event| state.evolve(event));
        }
    }
    assert_eq!(once, repeated);
    replay_equals_live::<QuotaLease>(commands());
}

#[test]
fn streams_are_of_a_subject_and_a_day() {
    let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
    assert_eq!(QuotaLease::stream(&subject(), day), format!("{}:2026-11-20", subject().stream()));
}

proptest! {
    /// Whatever holders that keep to their leases do, in whatever order, together they never use more than the limit.
    #[test]
    fn leases_never_add_up_to_more_than_the_limit(
        of in 0_u64..5000,
        steps in prop::collection::vec((0_usize..4, 0_u8..3, 0_u64..400), 0..120),
    ) {
        let mut state = QuotaLease::default();
        let (mut used, mut ceiling) = ([0_u64; 4], [0_u64; 4]);
        for (second, (who, what, much)) in (0..).zip(steps) {
            let holder = format!("proxy-{who}");
            let command = match what {
                0 => {
                    used[who] = (used[who] + much).min(ceiling[who]);
                    continue;
                }
                1 => renew(&holder, second, ask(of, used[who], used[who], much)),
                _ => give_back(&holder, used[who]),
            };
            for event in state.decide(command).unwrap() {
                state.evolve(event);
            }
            ceiling[who] = state.standing(LIMIT, &holder, at(second)).ceiling;
            let promised: u64 = (0..4).map(|n| used[n].max(ceiling[n])).sum();
            prop_assert!(promised <= of, "{promised} of {of} promised");
        }
    }
}
