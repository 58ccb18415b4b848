//! One proxy process, `clawplane serve --role proxy`, on the Postgres of a platform: what can be killed and started again
//! within a second.

use crate::{Platform, platform, wait};
use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// The master key of platforms that have such processes beside them.
pub const MASTER_KEY: &str = "5f5e100000000000000000000000000000000000000000000000000000000042";

/// A process that runs until it is dropped.
#[derive(Debug)]
pub struct Serve {
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    /// Its data folder; the spool is in `spool`.
    pub dir: TempDir,
    port: u16,
    env: Vec<(String, String)>,
    child: Option<Child>,
}

impl Serve {
    /// One that is not started yet. The platform has to have [`MASTER_KEY`].
    pub fn beside(ground: &Platform, upstreams: &[String], env: &[(&str, &str)]) -> Self {
        let dir = tempfile::Builder::new().prefix("clawplane-serve-").tempdir().expect("a folder");
        let port = platform::free_port();
        let mut all = vec![
            ("DATABASE_URL".to_owned(), ground.database_url()),
            // The role does without; nobody is there.
            ("NATS_URL".to_owned(), "nats://127.0.0.1:9".to_owned()),
            ("BOT_MASTER_KEY".to_owned(), MASTER_KEY.to_owned()),
            ("CLAWPLANE_UPSTREAM_ALLOW".to_owned(), upstreams.join(",")),
            ("CLAWPLANE_DATA_DIR".to_owned(), dir.path().display().to_string()),
            ("CLAWPLANE_LOG".to_owned(), "info,async_nats=off".to_owned()),
        ];
        all.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self { url: format!("http://127.0.0.1:{port}"), dir, port, env: all, child: None }
    }

    /// Starts it (again) and waits until it answers.
    pub async fn launch(&mut self) {
        self.spawn();
        let http = reqwest::Client::new();
        wait::until_quick("the proxy to answer", 60, || async {
            assert!(self.is_alive(), "it ended by itself:\n{}", self.log());
            let answer = http.get(format!("{}/api/v1/", self.url)).send().await;
            answer.map(drop).map_err(|error| error.to_string())
        })
        .await;
    }

    /// Starts it and waits for nothing.
    pub fn spawn(&mut self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_file()).expect("a log file");
        let mut command = Command::new(platform::binary());
        command
            .args(["serve", "--role", "proxy", "--listen", &format!("127.0.0.1:{}", self.port)])
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log);
        self.child = Some(command.spawn().expect("the binary starts"));
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            let _ = child.wait();
        }
    }

    /// Ctrl-C; whether it ended in order.
    pub fn stop(&mut self) -> bool {
        let Some(mut child) = self.child.take() else { return true };
        platform::signal("-INT", child.id());
        child.wait().is_ok_and(|status| status.success())
    }

    /// Waits until it has ended by itself; whether in order.
    pub fn ended(&mut self) -> bool {
        self.child.take().is_none_or(|mut child| child.wait().is_ok_and(|status| status.success()))
    }

    /// Whether it runs.
    pub fn is_alive(&self) -> bool {
        self.pid().is_some_and(|pid| {
            fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
        })
    }

    /// Its process id.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Resident memory, in bytes.
    pub fn memory(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.pid().expect("it runs"))).expect("/proc");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// The spool's folder.
    pub fn spool(&self) -> PathBuf {
        self.dir.path().join("spool")
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("serve.log")
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("--- the proxy's log\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
        self.kill();
    }
}
