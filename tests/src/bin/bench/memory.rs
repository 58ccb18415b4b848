//! Resident memory of others, in kB.

use clawplane_tests::platform::descendants;
use std::fs;

/// Of one process.
pub(crate) fn of(pid: u32) -> u64 {
    // One of a tree may have ended meanwhile.
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Of a process and all that it started.
pub(crate) fn of_tree(pid: u32) -> u64 {
    of(pid) + descendants(pid).into_iter().map(of).sum::<u64>()
}
