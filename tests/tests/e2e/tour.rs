//! The tour of the README, run as it stands.

use clawplane_tests::{
    Platform, docker,
    platform::{ADMIN_EMAIL, ADMIN_PASSWORD},
};
use std::{fmt::Write, path::Path, process::Command};

/// The fenced blocks of the README whose language is exactly `language`, one after another.
fn blocks(language: &str) -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).expect("the README");
    let mut script = String::new();
    let mut inside = false;
    for line in readme.lines() {
        match line.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(found) => inside = found == language,
            None if inside => writeln!(script, "{line}").expect("a string"),
            None => {}
        }
    }
    assert!(!script.is_empty(), "the README has no block ```{language}");
    script
}

fn run(script: &str, platform: &Platform) -> String {
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .env("CLAWPLANE", &platform.url)
        .env("EMAIL", ADMIN_EMAIL)
        .env("PASSWORD", ADMIN_PASSWORD)
        .output()
        .expect("bash");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the tour failed:\n{out}\n{err}");
    out.into_owned()
}

#[tokio::test]
async fn the_tour_of_the_readme_does_what_it_shows() {
    let image = docker::available("the tour's last step").then(docker::openclaw_image).flatten();
    let env: Vec<(&str, &str)> = image.iter().map(|image| ("BOT_IMAGE", image.as_str())).collect();
    let platform = Platform::start_with(&[], &env, &["--demo"]).await;

    let mut script = blocks("sh");
    if image.is_some() {
        script += &blocks("sh docker");
    }
    let shown = run(&script, &platform);

    assert!(shown.contains("\"email\": \"ada@example.org\""), "{shown}");
    assert!(shown.contains("hello over the proxy"), "the demo vendor echoes:\n{shown}");
    assert!(shown.contains("\"costMicros\": "), "{shown}");
    assert!(shown.contains("\"dailyTokens\": 100000"), "{shown}");
    assert!(shown.contains("bot.created") && shown.contains("quota.set"), "{shown}");
    if image.is_some() {
        assert!(shown.contains("hello, bot"), "the bot answers over its own gateway:\n{shown}");
    }
}
