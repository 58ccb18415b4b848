use super::*;
use crate::testing::{at, given, id, value};
use chrono::TimeDelta;

fn rule() -> Rule {
    let cron = value("30 3 * * *");
    Rule { bot_id: None, cron, quiesce: Quiesce::Pause, keep_last: Some(3), keep_days: None }
}

fn set(rule: Rule) -> ScheduleEvent {
    ScheduleEvent::Set { id: id(1), tenant_id: id(2), at: at(0), rule }
}

fn command(rule: Rule) -> ScheduleCommand {
    ScheduleCommand::Set { id: id(1), tenant_id: id(2), rule, at: at(0) }
}

#[test]
fn a_rule_is_set_changed_and_removed() {
    given::<BackupSchedule>([]).when(command(rule())).then([set(rule())]);
    given::<BackupSchedule>([set(rule())]).when(command(rule())).refused(&ScheduleRefusal::Exists);
    let change = |rule| ScheduleCommand::Change { rule, at: at(0) };
    given::<BackupSchedule>([set(rule())]).when(change(rule())).then_nothing();
    let other = Rule { keep_days: Some(7), ..rule() };
    given::<BackupSchedule>([set(rule())]).when(change(other.clone())).then([set(other.clone())]);
    given::<BackupSchedule>([]).when(change(other)).refused(&ScheduleRefusal::Unknown);
    given::<BackupSchedule>([set(rule())]).when(ScheduleCommand::Remove).then([ScheduleEvent::Removed {}]);
    let removed = || [set(rule()), ScheduleEvent::Removed {}];
    given::<BackupSchedule>(removed()).when(ScheduleCommand::Remove).refused(&ScheduleRefusal::Unknown);
    given::<BackupSchedule>(removed()).when(command(rule())).refused(&ScheduleRefusal::Exists);
}

#[test]
fn what_is_kept_has_bounds() {
    for wrong in [0, MAX_KEEP + 1] {
        let refusal = ScheduleRefusal::OutOfBounds { field: "keepLast", most: MAX_KEEP };
        let rule = Rule { keep_last: Some(wrong), ..rule() };
        given::<BackupSchedule>([]).when(command(rule)).refused(&refusal);
    }
    let refusal = ScheduleRefusal::OutOfBounds { field: "keepDays", most: MAX_DAYS };
    let rule = Rule { keep_days: Some(MAX_DAYS + 1), ..rule() };
    given::<BackupSchedule>([]).when(command(rule)).refused(&refusal);
}

#[test]
fn a_time_is_served_once_and_time_goes_forward() {
    let ran = |seconds| ScheduleEvent::Ran { due: at(seconds) };
    given::<BackupSchedule>([set(rule())]).when(ScheduleCommand::NoteRun(at(60))).then([ran(60)]);
    given::<BackupSchedule>([set(rule()), ran(60)]).when(ScheduleCommand::NoteRun(at(60))).then_nothing();
    given::<BackupSchedule>([set(rule()), ran(60)]).when(ScheduleCommand::NoteRun(at(30))).then_nothing();
    given::<BackupSchedule>([]).when(ScheduleCommand::NoteRun(at(30))).refused(&ScheduleRefusal::Unknown);
}

#[test]
fn what_is_due_is_the_last_time_that_was_missed() {
    // All tests happen on 1 March 2026 at noon.
    let active = given::<BackupSchedule>([set(rule())]).when(ScheduleCommand::NoteRun(at(-99_999_999)));
    let mut active = active.then([ScheduleEvent::Ran { due: at(-99_999_999) }]).active.unwrap();
    let berlin: TimeZone = value("Europe/Berlin");
    assert_eq!(active.due(berlin, at(60)), None, "half past three was before it was set");
    let in_three_days = at(3 * 86_400);
    let due = active.due(berlin, in_three_days).unwrap();
    assert_eq!(due.to_rfc3339(), "2026-03-04T02:30:00+00:00", "by Berlin's clocks, and only the last one");
    active.last_due = Some(due);
    assert_eq!(active.due(berlin, in_three_days), None);
    assert_eq!(active.due(TimeZone::UTC, in_three_days).unwrap().to_rfc3339(), "2026-03-04T03:30:00+00:00");
}

#[test]
fn a_night_in_which_the_clocks_change_has_its_backup_once() {
    // On 29 March 2026 Berlin has no half past two; on 25 October it has two.
    let cron: CronText = value("30 2 * * *");
    let berlin: TimeZone = value("Europe/Berlin");
    let mut now: Timestamp = "2026-03-27T12:00:00Z".parse().unwrap();
    let mut dates = Vec::new();
    for _ in 0..3 {
        now = cron.next_after(berlin, now).unwrap();
        dates.push(now.to_rfc3339());
    }
    assert_eq!(dates[0], "2026-03-28T01:30:00+00:00");
    assert!(dates[1].starts_with("2026-03-29T01:") && dates[2] == "2026-03-30T00:30:00+00:00", "{dates:?}");
    let mut now: Timestamp = "2026-10-24T12:00:00Z".parse().unwrap();
    let first = cron.next_after(berlin, now).unwrap();
    now = cron.next_after(berlin, first).unwrap();
    assert!(now - first > TimeDelta::hours(20), "{first} {now}");
}

#[test]
fn what_is_no_time_is_no_rule() {
    for wrong in
        ["", "* * * *", "* * * * * *", "60 * * * *", "@daily", "0 0 30 2 *", "a b c d e", "0 0 * * 8"]
    {
        assert!(wrong.parse::<CronText>().is_err(), "{wrong}");
    }
    for good in ["*/15 * * * *", "0 3 * * 1-5", "  0   0 1 * * ", "0 0 29 2 *"] {
        assert!(good.parse::<CronText>().is_ok(), "{good}");
    }
}
