//! Servers that a killed `clawplane dev` left running: found by the tag on their command line, and stopped.
//!
//! A pid file alone proves nothing, as ids are given away again; `/proc` tells who a process is. Where there
//! is no `/proc`, nothing is found, and the server's own checks have to do.

use super::error::DevError;
use rustix::process::{Pid, Signal, kill_process};
use std::{fs, path::Path, time::Duration};
use tokio::time::{Instant, sleep};

/// A process that carries the tag.
struct Found {
    pid: Pid,
    /// It has the tag as (the end of) an argument; Postgres's own children only have it in their title.
    leader: bool,
}

/// Ends every process named `program` that carries `tag`; tells how many there were.
///
/// The leaders get `gentle` and time to write everything; what is left after that is killed.
pub(super) async fn stop(program: &'static str, tag: &str, gentle: Signal) -> Result<usize, DevError> {
    let found = find(program, tag);
    if found.is_empty() {
        return Ok(0);
    }
    tracing::info!(program, processes = found.len(), "stopping servers that a killed process left behind");
    // Children without their leader notice that by themselves, but not at once.
    let patience = if found.iter().any(|found| found.leader) { 20 } else { 3 };
    let steps = [(gentle, true, patience), (Signal::QUIT, false, 5), (Signal::KILL, false, 5)];
    for (signal, leaders_only, seconds) in steps {
        for process in find(program, tag).iter().filter(|process| process.leader || !leaders_only) {
            let _ = kill_process(process.pid, signal);
        }
        let until = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < until {
            if find(program, tag).is_empty() {
                return Ok(found.len());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
    Err(DevError::State(format!(
        "an old {program} of this data directory cannot be stopped; find it with `pgrep -f {tag}`"
    )))
}

fn find(program: &str, tag: &str) -> Vec<Found> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|id: i32| {
        let arguments = arguments(id, program)?;
        let leader = arguments.iter().any(|argument| argument.ends_with(tag));
        let carries = leader || arguments.first().is_some_and(|title| title.contains(tag));
        carries.then_some(Found { pid: Pid::from_raw(id)?, leader })
    })
    .collect()
}

/// The command line of a living process with this name.
fn arguments(id: i32, program: &str) -> Option<Vec<String>> {
    let proc = Path::new("/proc").join(id.to_string());
    if fs::read_to_string(proc.join("comm")).ok()?.trim_end() != program {
        return None;
    }
    let line = fs::read(proc.join("cmdline")).ok()?;
    Some(line.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect())
}

/// Whether process `id` is a `program` that was started on directory `dir`.
pub(super) fn runs_on(id: i32, program: &str, dir: &Path) -> bool {
    arguments(id, program)
        .is_some_and(|arguments| arguments.iter().any(|argument| Path::new(argument) == dir))
}
