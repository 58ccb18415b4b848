//! A server in a process group of its own, so that whatever it starts ends with it.

use crate::memory;
use clawplane_tests::{platform::free_port, wait};
use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// After the polite signal.
const GRACE: Duration = Duration::from_secs(5);

/// Runs until it is dropped, in a folder of its own.
pub(super) struct Process {
    port: u16,
    child: Child,
    dir: TempDir,
}

impl Process {
    /// Starts it.
    pub(super) fn start(name: &str, command: impl FnOnce(u16) -> Command) -> Self {
        Self::launch(name, None, command)
    }

    /// Starts it with a file of that name and content in its folder.
    pub(super) fn start_with(name: &str, file: (&str, &str), command: impl FnOnce(u16) -> Command) -> Self {
        Self::launch(name, Some(file), command)
    }

    fn launch(name: &str, file: Option<(&str, &str)>, command: impl FnOnce(u16) -> Command) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        if let Some((file, content)) = file {
            fs::write(dir.path().join(file), content).expect("a file");
        }
        let (port, log) = (free_port(), fs::File::create(dir.path().join("log")).expect("a file"));
        let mut command = command(port);
        command.current_dir(dir.path()).stdin(Stdio::null()).process_group(0);
        // What it prints for each request is part of what it does, but goes to a file as a service's would.
        command.stdout(log.try_clone().expect("a file")).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { port, child, dir }
    }

    /// Waits until it answers there with success.
    pub(super) async fn answers(&self, path: &str) {
        let url = self.url(path);
        wait::until(&format!("{url} to answer"), 120, || async {
            let log = || fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
            assert!(!stat.is_empty() && !stat.contains(") Z "), "it ended by itself:\n{}", log());
            let answer = reqwest::get(&url).await.map_err(|error| error.to_string())?;
            if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
        })
        .await;
    }

    /// Asks it and its children to end, and waits for them, bounded; dropping makes an end of the rest.
    pub(super) async fn stop(self) {
        signal_group("-TERM", self.child.id());
        let began = Instant::now();
        while began.elapsed() < GRACE && memory::of_tree(self.pid()) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Whatever of the group did not listen; it is gone where all did.
        signal_group("-KILL", self.child.id());
        let _ = self.child.wait();
    }
}

fn signal_group(name: &str, leader: u32) {
    let group = format!("-{leader}");
    let _ = Command::new("kill").args([name, "--", &group]).stderr(Stdio::null()).status();
}
