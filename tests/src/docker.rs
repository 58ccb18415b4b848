//! What the tests need of a container engine, by its command line.

use std::process::{Command, Output};

/// Runs `docker` with these arguments.
pub fn docker(args: &[&str]) -> std::io::Result<Output> {
    Command::new("docker").args(args).output()
}

/// Whether an engine answers. Says loudly what is skipped where none does.
pub fn available(what: &str) -> bool {
    let answers = docker(&["info"]).is_ok_and(|output| output.status.success());
    if !answers {
        eprintln!("SKIPPED: {what}: no Docker engine answers (`make setup` installs and starts one)");
    }
    answers
}

/// The image with real OpenClaw that `make openclaw-image` makes, if it is here.
pub fn openclaw_image() -> Option<String> {
    let listed =
        docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "clawplane/openclaw"]).ok()?;
    String::from_utf8_lossy(&listed.stdout).lines().next().map(str::to_owned)
}

/// Standard output of a command that must succeed.
pub fn output(args: &[&str]) -> String {
    let output = docker(args).expect("docker runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {args:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
