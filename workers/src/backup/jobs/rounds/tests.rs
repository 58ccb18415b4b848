use super::*;
use clawplane_domain::{
    Decide,
    backup::{BackupEvent, MadeOf, Quiesce, Sums},
    backup_schedule::Rule,
    bot::{Access, Limits},
};

fn id<I: From<Uuid>>(n: u128) -> I {
    I::from(Uuid::from_u128(n))
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn schedule(keep_last: Option<u32>, keep_days: Option<u32>) -> ActiveSchedule {
    let cron = "0 3 * * *".parse().unwrap();
    let rule = Rule { bot_id: None, cron, quiesce: Quiesce::Pause, keep_last, keep_days };
    ActiveSchedule { id: id(1), tenant_id: id(2), rule, set_at: now(), last_due: None }
}

/// So many days old; complete or failed.
fn made(number: u128, bot: u128, days: i64, complete: bool) -> (BackupProfile, Timestamp) {
    let made_of = MadeOf {
        name: "Ada".parse().unwrap(),
        image: None,
        tags: vec![],
        models: vec![],
        limits: Limits::default(),
        access: Access::default(),
        fallbacks: vec![],
        features: [].into(),
        environment: [].into(),
    };
    let request = RequestBackup {
        id: id(number),
        tenant_id: id(2),
        bot_id: id(bot),
        hostname: "ada".parse().unwrap(),
        made_of,
        quiesce: Quiesce::Pause,
        batch_id: None,
        schedule_id: Some(id(1)),
        requested_by: None,
    };
    let mut backup = Backup::default();
    backup.evolve(BackupEvent::Requested { request });
    let sums = Sums {
        size: 1,
        sha256: String::new(),
        archive_size: 1,
        bytes: 1,
        entries: 1,
        left_out: 0,
        manifest_sha256: String::new(),
    };
    backup.evolve(match complete {
        true => BackupEvent::Completed { sums },
        false => BackupEvent::Failed { reason: "no".into() },
    });
    (backup.profile.unwrap(), now() - TimeDelta::days(days))
}

fn out(schedule: &ActiveSchedule, made: &[(BackupProfile, Timestamp)]) -> Vec<u128> {
    falls_out(schedule, made, now()).into_iter().map(|id| id.0.as_u128()).collect()
}

#[test]
fn so_many_of_each_bot_are_kept() {
    let all = [
        made(1, 7, 0, true),
        made(2, 7, 1, false),
        made(3, 7, 2, true),
        made(4, 7, 3, true),
        made(5, 8, 4, true),
    ];
    assert_eq!(out(&schedule(Some(2), None), &all), [4], "what failed takes nobody's place");
    assert_eq!(out(&schedule(Some(1), None), &all), [3, 4]);
    assert_eq!(out(&schedule(None, None), &all), [0_u128; 0]);
}

#[test]
fn the_newest_one_is_kept_however_old_it_is() {
    let all = [made(1, 7, 50, true), made(2, 7, 60, true), made(3, 8, 5, true), made(4, 8, 50, true)];
    assert_eq!(out(&schedule(None, Some(30)), &all), [2, 4]);
    assert_eq!(out(&schedule(Some(9), Some(365)), &all), [0_u128; 0]);
}

#[test]
fn not_every_failure_is_remembered() {
    let all: Vec<_> = (1..=25).map(|n| made(n, 7, i64::try_from(n).unwrap(), false)).collect();
    assert_eq!(out(&schedule(None, None), &all), [21, 22, 23, 24, 25]);
}
