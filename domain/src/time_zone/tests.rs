use super::*;
use proptest::prelude::*;

fn zone(name: &str) -> TimeZone {
    name.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(name: &str, now: &str) -> (Timestamp, i64) {
    let window = zone(name).window(Period::Day, at(now));
    (window.starts_at, (window.ends_at - window.starts_at).num_minutes())
}

#[test]
fn names_are_those_of_the_database() {
    assert_eq!(zone("Europe/Berlin").to_string(), "Europe/Berlin");
    assert_eq!(serde_json::to_value(zone("Asia/Kolkata")).unwrap(), "Asia/Kolkata");
    assert_eq!(TimeZone::default().name(), "UTC");
    for wrong in ["", "Berlin", "europe/berlin", "UTC+2", "Mars/Olympus"] {
        assert!(wrong.parse::<TimeZone>().is_err(), "{wrong}");
    }
}

#[test]
fn days_begin_at_midnight_of_the_zone() {
    assert_eq!(day("UTC", "2026-11-20T12:00:00Z"), (at("2026-11-20T00:00:00Z"), 1440));
    assert_eq!(day("Asia/Kolkata", "2026-11-20T18:30:00Z"), (at("2026-11-20T18:30:00Z"), 1440));
    assert_eq!(day("Asia/Kolkata", "2026-11-20T18:29:59Z"), (at("2026-11-19T18:30:00Z"), 1440));
    assert_eq!(day("Asia/Kathmandu", "2026-11-20T18:15:00Z"), (at("2026-11-20T18:15:00Z"), 1440));
    assert_eq!(day("Pacific/Kiritimati", "2026-11-20T10:00:00Z"), (at("2026-11-20T10:00:00Z"), 1440));
}

#[test]
fn a_day_on_which_the_clocks_change_is_shorter_or_longer() {
    assert_eq!(day("Europe/Berlin", "2026-03-29T12:00:00Z"), (at("2026-03-28T23:00:00Z"), 23 * 60));
    assert_eq!(day("Europe/Berlin", "2026-10-25T12:00:00Z"), (at("2026-10-24T22:00:00Z"), 25 * 60));
    assert_eq!(day("Australia/Lord_Howe", "2026-10-04T00:00:00Z"), (at("2026-10-03T13:30:00Z"), 1410));
    // Lebanon's clocks jump from midnight to one; Cuba's go back from one to midnight.
    assert_eq!(day("Asia/Beirut", "2026-03-29T12:00:00Z"), (at("2026-03-28T22:00:00Z"), 23 * 60));
    assert_eq!(day("America/Havana", "2026-11-01T12:00:00Z"), (at("2026-11-01T04:00:00Z"), 25 * 60));
    // Samoa went from the 29th to the 31st.
    assert_eq!(day("Pacific/Apia", "2011-12-30T09:00:00Z"), (at("2011-12-29T10:00:00Z"), 1440));
    assert_eq!(day("Pacific/Apia", "2011-12-30T10:00:00Z"), (at("2011-12-30T10:00:00Z"), 1440));
}

#[test]
fn months_are_those_of_the_zone() {
    let month = |name: &str, now: &str| zone(name).window(Period::Month, at(now));
    let november = Window { starts_at: at("2026-11-01T00:00:00Z"), ends_at: at("2026-12-01T00:00:00Z") };
    assert_eq!(month("UTC", "2026-11-20T12:00:00Z"), november);
    let berlin = month("Europe/Berlin", "2026-10-31T23:00:00Z");
    assert_eq!(berlin.starts_at, at("2026-10-31T23:00:00Z"));
    // March has the change of the clocks in it.
    let march = month("Europe/Berlin", "2026-03-10T12:00:00Z");
    assert_eq!((march.ends_at - march.starts_at).num_hours(), 31 * 24 - 1);
}

proptest! {
    #[test]
    fn windows_cover_all_time_without_gaps_or_overlaps(
        seconds in 1_262_304_000_i64..2_208_988_800,
        name in prop::sample::select(vec![
            "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "America/Havana",
            "Pacific/Apia", "Asia/Kathmandu", "America/St_Johns", "Africa/Cairo", "America/Santiago",
        ]),
    ) {
        let now = chrono::DateTime::from_timestamp(seconds, 0).unwrap();
        for period in [Period::Day, Period::Month] {
            let window = zone(name).window(period, now);
            prop_assert!(window.contains(now), "{window:?}");
            let next = zone(name).window(period, window.ends_at);
            prop_assert_eq!(next.starts_at, window.ends_at);
            let last = zone(name).window(period, window.ends_at - TimeDelta::microseconds(1));
            prop_assert_eq!(last, window);
        }
    }
}
