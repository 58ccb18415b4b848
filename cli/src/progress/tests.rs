use super::Progress;
use chrono::{DateTime, TimeDelta};
use clawplane_domain::{Timestamp, clock::Clock};
use pretty_assertions::assert_eq;
use std::sync::{Arc, Mutex};

/// Is 1.85 s later at each look.
struct Ticking(Mutex<Timestamp>);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        let mut now = self.0.lock().unwrap();
        *now += TimeDelta::milliseconds(1850);
        *now
    }
}

fn written(steps: impl FnOnce(&mut Progress<&mut Vec<u8>>)) -> String {
    let mut out = Vec::new();
    let clock = Arc::new(Ticking(Mutex::new(DateTime::UNIX_EPOCH)));
    steps(&mut Progress::new(&mut out, 6, clock));
    String::from_utf8(out).unwrap()
}

#[test]
fn a_step_is_one_line_with_its_time() {
    let text = written(|progress| {
        progress.begin("Lock");
        progress.end("taken");
        progress.begin("Postgres");
        progress.end("ready on 127.0.0.1:40123");
    });
    assert_eq!(text, "[1/6] Lock … taken (1.8 s)\n[2/6] Postgres … ready on 127.0.0.1:40123 (1.8 s)\n");
}

#[test]
fn a_step_left_open_does_not_swallow_what_follows() {
    let text = written(|progress| {
        progress.begin("Postgres");
        progress.note("its files are in /var/lib/clawplane");
        progress.fail();
        progress.begin("NATS");
        progress.fail();
    });
    assert_eq!(text, "[1/6] Postgres … \n      its files are in /var/lib/clawplane\n[2/6] NATS … failed\n");
}

#[test]
fn the_summary_has_columns() {
    let text = written(|progress| progress.summary("Up.", &[("API", "http://a"), ("Password", "x")]));
    assert_eq!(text, "\nUp.\n  API       http://a\n  Password  x\n\n");
}
