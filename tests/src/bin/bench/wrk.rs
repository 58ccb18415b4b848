//! Load by wrk, one thread.

use serde_json::Value;
use std::{fmt::Write, fs, process::Command};

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

/// Where and how a small chat completion is asked for.
pub(crate) struct Target {
    /// The whole address.
    pub(crate) url: String,
    /// Beside the content type.
    pub(crate) headers: Vec<(&'static str, String)>,
}

const BODY: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"ping"}]}"#;

impl Target {
    /// With a token as bearer.
    pub(crate) fn bearer(url: String, token: &str) -> Self {
        Self { url, headers: vec![("authorization", format!("Bearer {token}"))] }
    }

    /// Sees to it that what is measured is the answer of the upstream, and not somebody's error or cache.
    pub(crate) async fn check(&self, id: &str) {
        let mut request = reqwest::Client::new().post(&self.url).header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = request.body(BODY).send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("its body"));
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        assert!(
            status.is_success() && value["id"] == id && value["choices"][0]["message"]["content"] == "pong",
            "{} does not pass the upstream's answer on: {status}\n{text}",
            self.url
        );
    }
}

/// Asks for it over and over, for [`SECONDS`].
pub(crate) fn run(target: &Target, connections: u32) -> Load {
    run_for(target, connections, SECONDS)
}

/// Asks for it over and over.
pub(crate) fn run_for(target: &Target, connections: u32, seconds: u32) -> Load {
    let dir = tempfile::tempdir().expect("a folder");
    let script = dir.path().join("post.lua");
    let mut lua = format!(
        "wrk.method = 'POST'\nwrk.headers['content-type'] = 'application/json'\nwrk.body = '{BODY}'\n"
    );
    for (name, value) in &target.headers {
        writeln!(lua, "wrk.headers['{name}'] = '{value}'").expect("memory");
    }
    let url = &target.url;
    fs::write(&script, lua).expect("a file");
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--latency", "-s"])
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
