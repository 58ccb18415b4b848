//! Who holds a lease: a process, so that another one of the same machine can tell whether it is still there.
//!
//! A worker that was killed gives nothing back. Where its successor sees for itself that the process is gone it need
//! not wait for the lease to end.

use std::fmt;

/// A process, in one of its lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The machine since its start, and the view of its processes that this one has.
    place: String,
    pid: u32,
    /// When the process began, in the kernel's ticks.
    began: u64,
    /// Tells several of one process apart.
    nonce: String,
}

impl Holder {
    /// This process. `nonce` is a text that nobody else has, without spaces.
    pub fn me(nonce: &str) -> Self {
        let pid = std::process::id();
        Self {
            place: place().unwrap_or_else(|| "nowhere".to_owned()),
            pid,
            began: began(pid).unwrap_or(0),
            nonce: nonce.to_owned(),
        }
    }

    /// Whether the process that `text` names is surely gone. Of another machine nobody knows.
    pub fn is_gone(text: &str) -> bool {
        let parts: Vec<&str> = text.split(' ').collect();
        let [there, pid, when, _] = parts[..] else { return false };
        let (Some(here), Ok(pid), Ok(when)) = (place(), pid.parse(), when.parse::<u64>()) else {
            return false;
        };
        // Without `/proc` there would be no place either.
        here == there && began(pid) != Some(when)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.place, self.pid, self.began, self.nonce)
    }
}

/// The id of the machine's run and of its process namespace: only within both a number means a process.
fn place() -> Option<String> {
    let run = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{}/{}", run.trim(), namespace.display()))
}

/// When a process began; `None` when it is gone, or dead and not yet buried.
fn began(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_is_gone_when_it_has_ended() {
        let me = Holder::me("n");
        assert!(!Holder::is_gone(&me.to_string()), "{me}");
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let theirs = Holder { pid: child.id(), began: began(child.id()).unwrap(), ..me.clone() };
        assert!(!Holder::is_gone(&theirs.to_string()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(Holder::is_gone(&theirs.to_string()));
        let reused = Holder { began: me.began + 1, ..me.clone() };
        assert!(Holder::is_gone(&reused.to_string()), "another process has its number");
        let elsewhere = Holder { place: "elsewhere".to_owned(), ..theirs };
        assert!(!Holder::is_gone(&elsewhere.to_string()), "nobody knows");
        for text in ["", "x", "a b c d", "a 1 2"] {
            assert!(!Holder::is_gone(text), "{text}");
        }
    }
}
