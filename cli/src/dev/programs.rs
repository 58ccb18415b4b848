//! Finding the servers' programs: Debian keeps them where no `PATH` points.

use super::DevError;
use super::{account::Account, child, error::file};
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

/// `PATH`, and the places of Debian, Red Hat and Homebrew; `*` stands for any part of one name.
const ELSEWHERE: [&str; 7] = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/local/sbin",
    "/usr/sbin",
    "/sbin",
];

/// Every directory that a program may be in.
fn directories(path: Option<&OsStr>) -> Vec<PathBuf> {
    let on_path = path.map(std::env::split_paths).into_iter().flatten().filter(|dir| dir.is_absolute());
    on_path.chain(ELSEWHERE.iter().flat_map(|pattern| expand(pattern))).collect()
}

/// One `*` in one part of the pattern.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else {
        return vec![PathBuf::from(pattern)];
    };
    let Some((parent, prefix)) = before.rsplit_once('/') else {
        return Vec::new();
    };
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    named.map(|entry| entry.path().join(after.trim_start_matches('/'))).filter(|dir| dir.is_dir()).collect()
}

/// All copies of a program, those on the `PATH` first.
pub(super) fn all(program: &str) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH");
    let mut found: Vec<PathBuf> = Vec::new();
    for dir in directories(path.as_deref()) {
        let candidate = dir.join(program);
        if candidate.is_file() && !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    found
}

/// What a program answers to `--version`, as numbers: `nats-server: v2.9.10` gives `[2, 9, 10]`.
pub(super) async fn version(program: &Path) -> Option<Vec<u32>> {
    let mut command = child::command(program, Path::new("/"), None);
    command.arg("--version").kill_on_drop(true).stderr(Stdio::null());
    let output = tokio::time::timeout(Duration::from_secs(20), command.output()).await.ok()?.ok()?;
    numbers(&String::from_utf8_lossy(&output.stdout))
}

fn numbers(text: &str) -> Option<Vec<u32>> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let rest = &text[start..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].split('.').filter(|part| !part.is_empty()).map(|part| part.parse().ok()).collect()
}

/// Runs a tool to its end, bounded; its last words become the error.
pub(super) async fn run(
    name: &'static str,
    program: &Path,
    args: &[&OsStr],
    dir: &Path,
    account: Option<&Account>,
    patience: Duration,
) -> Result<(), DevError> {
    let mut command = child::command(program, dir, account);
    command.args(args).kill_on_drop(true);
    let error = |what: String, tail: String| DevError::Server { program: name, what, tail };
    let output = match tokio::time::timeout(patience, command.output()).await {
        Ok(output) => file("run", program, output)?,
        Err(_) => {
            return Err(error(format!("did not end within {} s", patience.as_secs()), String::new()));
        }
    };
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    Err(error(format!("failed ({})", output.status), lines[lines.len().saturating_sub(15)..].join("\n")))
}

#[cfg(test)]
mod tests;
