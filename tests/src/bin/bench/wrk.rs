//! Load by wrk, one thread.

use std::{fs, process::Command};

/// How long each measurement takes.
pub(crate) const SECONDS: u32 = 8;

/// What wrk saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Requests a second.
    pub(crate) per_second: f64,
    /// Median latency in microseconds.
    pub(crate) p50_us: f64,
    /// 99th percentile in microseconds.
    pub(crate) p99_us: f64,
}

/// Posts a small chat completion over and over.
pub(crate) fn run(url: &str, connections: u32, token: &str) -> Load {
    let dir = tempfile::tempdir().expect("a folder");
    let script = dir.path().join("post.lua");
    let lua = format!(
        "wrk.method = 'POST'
         wrk.headers['content-type'] = 'application/json'
         wrk.headers['authorization'] = 'Bearer {token}'
         wrk.body = '{{\"model\":\"gpt-4o-mini\",\"messages\":[{{\"role\":\"user\",\"content\":\"ping\"}}]}}'"
    );
    fs::write(&script, lua).expect("a file");
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{SECONDS}s"), "--latency", "-s"])
        .arg(&script)
        .arg(url)
        .output()
        .expect("wrk: `deploy/setup.sh --bench` installs it");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("Non-2xx"), "{url} did not answer well:\n{text}");
    let after = |label: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(label));
        line.and_then(|line| line.split_whitespace().last())
            .unwrap_or_else(|| panic!("no `{label}` in:\n{text}"))
    };
    Load {
        per_second: after("Requests/sec:").parse().expect("a number"),
        p50_us: micros(after("50%")),
        p99_us: micros(after("99%")),
    }
}

fn micros(text: &str) -> f64 {
    let (factor, number) = match text {
        _ if text.ends_with("us") => (1.0, text.trim_end_matches("us")),
        _ if text.ends_with("ms") => (1e3, text.trim_end_matches("ms")),
        _ => (1e6, text.trim_end_matches('s')),
    };
    number.parse::<f64>().expect("a number") * factor
}
