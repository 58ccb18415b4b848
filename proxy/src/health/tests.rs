use super::*;
use crate::testing::at;
use proptest::prelude::*;

const PROBATION: Duration = Duration::from_secs(30);

fn noon() -> Timestamp {
    at("2026-11-20T12:00:00Z")
}

fn failing() -> Fault {
    Fault::Passing { code: CoolCode::UpstreamError, status: Some(500), after: None }
}

fn limited(seconds: u64) -> Fault {
    let after = Some(Duration::from_secs(seconds));
    Fault::Passing { code: CoolCode::RateLimited, status: Some(429), after }
}

/// Fails at a second after noon; the news as seconds after noon, 0 for a disabling.
fn fail(health: &Health, second: u64, fault: &Fault, probe: Option<Probe>) -> Option<i64> {
    let mut news = None;
    health.failed(fault, probe, noon() + Duration::from_secs(second), &Cooldowns::default(), |told| {
        news = Some(match told {
            KeyNews::Cooled(cooling) => (cooling.until - noon()).num_seconds(),
            KeyNews::Refused { .. } | KeyNews::Recovered => 0,
        });
    });
    news
}

fn probe(health: &Arc<Health>, second: u64) -> Option<Probe> {
    match health.admit(noon() + Duration::from_secs(second), PROBATION) {
        Admission::Probe(probe) => Some(probe),
        Admission::Free | Admission::Barred => None,
    }
}

#[test]
fn a_cool_down_grows_with_each_failed_probe_up_to_its_cap() {
    let health = Arc::<Health>::default();
    let mut now = 0;
    let mut waits = Vec::new();
    let mut probing = None;
    for _ in 0..12 {
        let until = u64::try_from(fail(&health, now, &failing(), probing.take()).unwrap()).unwrap();
        waits.push(until - now);
        assert!(probe(&health, until - 1).is_none(), "not before its time");
        now = until;
        probing = probe(&health, now);
        assert!(probing.is_some());
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    let mut told = None;
    health.succeeded(probing, |news| told = Some(news));
    assert_eq!((told, health.is_free()), (Some(KeyNews::Recovered), true));
    assert_eq!(fail(&health, now, &failing(), None), Some(i64::try_from(now).unwrap() + 1), "a clean record");
}

#[test]
fn failures_that_come_together_are_one_cool_down() {
    let health = Health::default();
    assert_eq!(fail(&health, 0, &failing(), None), Some(1));
    assert!((0..99).all(|_| fail(&health, 0, &failing(), None).is_none()));
    assert_eq!(fail(&health, 0, &limited(60), None), Some(60), "but a longer wait is news");
    assert_eq!(fail(&health, 1, &limited(61), None), None, "if it is much longer");
    assert_eq!(fail(&health, 1, &limited(3600), None), Some(3601));
}

#[test]
fn what_a_vendor_asks_for_is_bounded() {
    for (asked, waited) in [(0, 1), (7, 7), (86_400, 3600)] {
        assert_eq!(fail(&Health::default(), 0, &limited(asked), None), Some(waited));
    }
    let exhausted = Fault::Passing { code: CoolCode::QuotaExhausted, status: Some(402), after: None };
    assert_eq!(fail(&Health::default(), 0, &exhausted, None), Some(3600));
    let silent = Fault::Passing { code: CoolCode::RateLimited, status: Some(429), after: None };
    assert_eq!(fail(&Health::default(), 0, &silent, None), Some(5));
}

#[test]
fn one_probe_at_a_time() {
    let health = Arc::<Health>::default();
    fail(&health, 0, &failing(), None);
    let first = probe(&health, 1).unwrap();
    assert!(probe(&health, 1).is_none() && probe(&health, 30).is_none());
    drop(first);
    let second = probe(&health, 2).unwrap();
    let third = probe(&health, 32).unwrap();
    assert!(probe(&health, 33).is_none(), "the second took too long");
    drop(second);
    assert!(probe(&health, 33).is_none(), "and its end is not the third's");
    let mut told = 0;
    health.succeeded(Some(third), |_| told += 1);
    assert!(health.is_free() && told == 1);
}

#[test]
fn a_disabled_key_stays_so_until_somebody_enables_it() {
    let health = Arc::<Health>::default();
    assert_eq!(fail(&health, 0, &Fault::Refused { status: 401 }, None), Some(0));
    assert_eq!(fail(&health, 0, &Fault::Refused { status: 401 }, None), None);
    assert_eq!(fail(&health, 1, &limited(60), None), None);
    health.turn(Turn::Cooled(cooling(5)), noon());
    health.turn(Turn::Recovered, noon());
    assert_eq!(health.standing(noon()), Standing::Disabled);
    assert!(probe(&health, 86_400).is_none());
    health.turn(Turn::Enabled, noon());
    assert!(health.is_free());
}

fn cooling(second: u64) -> Cooling {
    let until = noon() + Duration::from_secs(second);
    Cooling { until, code: CoolCode::RateLimited, status: Some(429), failures: 3 }
}

#[test]
fn what_others_saw_counts() {
    let health = Arc::<Health>::default();
    health.turn(Turn::Cooled(cooling(9)), noon());
    assert_eq!(health.standing(noon()), Standing::Cooling(cooling(9)));
    let probing = probe(&health, 9);
    assert_eq!(health.standing(noon() + Duration::from_secs(9)), Standing::Probing);
    assert_eq!(fail(&health, 9, &failing(), probing), Some(9 + 8), "failures go on being counted");
    health.turn(Turn::Recovered, noon());
    assert!(health.is_free());
    health.turn(Turn::Disabled, noon());
    assert_eq!(health.standing(noon()), Standing::Disabled);
}

proptest! {
    /// The copy for the data path never differs, and nothing is admitted while it is barred.
    #[test]
    fn the_copy_is_true(steps in prop::collection::vec((0..7_u8, 0..20_u64), 0..60)) {
        let health = Arc::<Health>::default();
        let (mut now, mut held) = (0, None);
        for (step, seconds) in steps {
            now += seconds;
            match step {
                0 => drop(fail(&health, now, &failing(), held.take())),
                1 => drop(fail(&health, now, &limited(seconds), None)),
                2 => held = probe(&health, now),
                3 => health.succeeded(held.take(), |_| {}),
                4 => health.turn(Turn::Cooled(cooling(now + seconds)), noon()),
                5 => health.turn(if seconds < 3 { Turn::Disabled } else { Turn::Enabled }, noon()),
                _ => health.turn(Turn::Recovered, noon()),
            }
            let at = noon() + Duration::from_secs(now);
            let standing = health.standing(at);
            prop_assert_eq!(health.is_free(), standing == Standing::Free);
            if matches!(standing, Standing::Disabled | Standing::Cooling(_)) {
                prop_assert!(probe(&health, now).is_none());
            }
        }
    }
}
