use super::{Bucket, Cuts, Range};
use clawplane_domain::Timestamp;

fn at(text: &str) -> Timestamp {
    format!("2026-03-{text}:00Z").parse().unwrap()
}

fn cuts(from: &str, to: &str, bucket: Bucket) -> [Timestamp; 6] {
    Cuts::of(Range { from: at(from), to: at(to) }, bucket).unwrap().0
}

#[test]
fn a_long_range_has_days_hours_and_minutes() {
    let instants = ["01T10:30", "01T11:00", "02T00:00", "04T00:00", "04T05:00", "04T05:15"].map(at);
    assert_eq!(cuts("01T10:30", "04T05:15", Bucket::Day), instants);
}

#[test]
fn hours_never_come_out_of_days() {
    let instants = ["01T10:30", "01T11:00", "04T05:00", "04T05:00", "04T05:00", "04T05:15"].map(at);
    assert_eq!(cuts("01T10:30", "04T05:15", Bucket::Hour), instants);
}

#[test]
fn a_range_within_an_hour_is_read_from_the_log_alone() {
    let (from, to) = (at("01T10:10"), at("01T10:20"));
    assert_eq!(cuts("01T10:10", "01T10:20", Bucket::Day), [from, to, to, to, to, to]);
}

#[test]
fn a_range_over_the_hour_has_no_whole_one() {
    let instants = ["01T10:50", "01T11:00", "01T11:00", "01T11:00", "01T11:00", "01T11:10"].map(at);
    assert_eq!(cuts("01T10:50", "01T11:10", Bucket::Day), instants);
}

#[test]
fn whole_days_are_days() {
    let (from, to) = (at("01T00:00"), at("03T00:00"));
    assert_eq!(cuts("01T00:00", "03T00:00", Bucket::Day), [from, from, from, to, to, to]);
}

#[test]
fn a_range_that_ends_before_it_begins_is_empty() {
    let from = at("03T10:30");
    assert_eq!(cuts("03T10:30", "01T00:00", Bucket::Day), [from; 6]);
}
