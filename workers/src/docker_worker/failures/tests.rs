use super::*;
use std::path::PathBuf;

fn config() -> DockerWorkerConfig {
    let proxy = "127.0.0.1:1".parse().unwrap();
    DockerWorkerConfig::new("openclaw".parse().unwrap(), PathBuf::from("/nowhere"), proxy)
}

#[test]
fn waits_grow_and_end_in_giving_up() {
    let (config, now) = (config(), Instant::now());
    let mut failures = Failures::default();
    let waits: Vec<Verdict> = (0..6).map(|_| failures.note(now, &config)).collect();
    let retry = |seconds| Verdict::RetryAfter(Duration::from_secs(seconds));
    assert_eq!(waits, [retry(1), retry(2), retry(4), retry(8), retry(16), Verdict::GiveUp]);
    assert_eq!(failures.total(), 6);
}

#[test]
fn waits_have_a_bound() {
    let config = DockerWorkerConfig { retries: 100, ..config() };
    let mut failures = Failures::default();
    let now = Instant::now();
    let last = (0..50).map(|_| failures.note(now, &config)).last();
    assert_eq!(last, Some(Verdict::RetryAfter(Duration::from_mins(1))));
}

#[test]
fn old_failures_are_forgotten_and_a_start_forgives() {
    let config = config();
    let mut failures = Failures::default();
    let mut now = Instant::now();
    for _ in 0..20 {
        assert_eq!(failures.note(now, &config), Verdict::RetryAfter(Duration::from_secs(1)));
        now += config.retry_window + Duration::from_secs(1);
    }
    for _ in 0..6 {
        failures.note(now, &config);
    }
    failures.forgive();
    assert_eq!(failures.note(now, &config), Verdict::RetryAfter(Duration::from_secs(1)));
}
