//! A server as a child process: its log in a file of bounded size, its end observed, its stop escalated.

use super::{
    account::Account,
    error::{DevError, file},
    files,
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    future::Future,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    process::Command,
    sync::{mpsc, watch},
    time,
};

/// A log that has grown beyond this is moved to `.old` while the server runs.
const MAX_LOG: u64 = 64 * 1024 * 1024;
const LOG_CHECK: Duration = Duration::from_mins(1);

/// What to start.
pub(super) struct Spec<'a> {
    pub(super) name: &'static str,
    pub(super) program: &'a Path,
    pub(super) args: Vec<OsString>,
    /// Where it runs; its user must be able to enter.
    pub(super) dir: &'a Path,
    pub(super) account: Option<&'a Account>,
    /// Takes its output; what was there moves to `.old`.
    pub(super) log: PathBuf,
    /// How it is asked to stop, and how long that may take, before it is killed.
    pub(super) stop: &'static [(Signal, Duration)],
}

/// A running server. One that is dropped without [`Child::stop`] is asked to stop, so that no way out of
/// the program leaves it running.
#[derive(Debug)]
pub(super) struct Child {
    name: &'static str,
    pid: Option<Pid>,
    gentle: Option<Signal>,
    log: PathBuf,
    stop: mpsc::Sender<()>,
    exit: watch::Receiver<Option<String>>,
}

/// A command that inherits nothing: no secret of ours, no `PGOPTIONS` of somebody else, no signal of the terminal.
pub(super) fn command(program: &Path, dir: &Path, account: Option<&Account>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").env("TZ", "UTC");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    if let Some(account) = account {
        // As root, std also drops the supplementary groups when a user is given.
        command.uid(account.uid).gid(account.gid);
    }
    command.current_dir(dir).stdin(Stdio::null()).process_group(0);
    command
}

impl Child {
    pub(super) fn spawn(spec: Spec<'_>) -> Result<Self, DevError> {
        let log = file("open", &spec.log, open_log(&spec.log))?;
        let errors = file("open", &spec.log, log.try_clone())?;
        let mut command = command(spec.program, spec.dir, spec.account);
        command.args(&spec.args).stdout(log).stderr(errors);
        let child = file("run", spec.program, command.spawn())?;
        let pid = pid(&child);
        let (stop, orders) = mpsc::channel(1);
        let (report, exit) = watch::channel(None);
        let path = spec.log.clone();
        tokio::spawn(async move {
            let status = supervise(child, orders, spec.stop, &path).await;
            let text = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            tracing::debug!(server = spec.name, status = %text, "a private server ended");
            report.send_replace(Some(text));
        });
        let gentle = spec.stop.first().map(|(signal, _)| *signal);
        Ok(Self { name: spec.name, pid, gentle, log: spec.log, stop, exit })
    }

    /// Waits until the process has ended, for whatever reason, and tells how.
    pub(super) fn exited(&self) -> impl Future<Output = String> + Send + 'static {
        let mut exit = self.exit.clone();
        async move {
            match exit.wait_for(Option::is_some).await {
                Ok(status) => status.clone().unwrap_or_default(),
                Err(_) => "unknown".to_owned(),
            }
        }
    }

    /// Asks it to stop, waits, escalates. Returns when it is gone.
    pub(super) async fn stop(self) {
        // A full or closed channel means that it is stopping already.
        let _ = self.stop.try_send(());
        self.exited().await;
    }

    /// An error that quotes the last lines of its log.
    pub(super) fn error(&self, what: impl Into<String>) -> DevError {
        DevError::Server { program: self.name, what: what.into(), tail: files::tail(&self.log, 15) }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // The task that owns the process may have ended with its runtime, so the signal goes out from here.
        if let (Some(pid), Some(gentle), None) = (self.pid, self.gentle, &*self.exit.borrow()) {
            let _ = kill_process(pid, gentle);
        }
    }
}

/// `None` once it has been waited for.
fn pid(child: &tokio::process::Child) -> Option<Pid> {
    child.id().and_then(|id| Pid::from_raw(id.cast_signed()))
}

/// Owns the process until it has ended, so that its id is never one that the system has given away again.
async fn supervise(
    mut child: tokio::process::Child,
    mut orders: mpsc::Receiver<()>,
    steps: &[(Signal, Duration)],
    log: &Path,
) -> io::Result<std::process::ExitStatus> {
    let mut check = time::interval(LOG_CHECK);
    loop {
        tokio::select! {
            status = child.wait() => return status,
            _ = orders.recv() => break,
            _ = check.tick() => trim_log(log),
        }
    }
    for (signal, patience) in steps {
        let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) else {
            break;
        };
        if kill_process(pid, *signal).is_ok()
            && let Ok(status) = time::timeout(*patience, child.wait()).await
        {
            return status;
        }
    }
    child.start_kill()?;
    child.wait().await
}

fn open_log(path: &Path) -> io::Result<fs::File> {
    if fs::metadata(path).is_ok_and(|meta| meta.len() > 0) {
        fs::rename(path, path.with_extension("log.old"))?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// The server keeps its file open for appending: copying and emptying it is the way that needs no cooperation.
fn trim_log(path: &Path) {
    let trim = || {
        if fs::metadata(path)?.len() > MAX_LOG {
            fs::copy(path, path.with_extension("log.old"))?;
            OpenOptions::new().write(true).open(path)?.set_len(0)?;
        }
        io::Result::Ok(())
    };
    if let Err(error) = trim() {
        tracing::warn!(log = %path.display(), %error, "a log cannot be kept small");
    }
}

#[cfg(test)]
mod tests;
