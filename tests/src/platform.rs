//! The platform as a user starts it: the real binary, `clawplane dev`, in a folder of its own.

use crate::{Client, wait};
use std::{
    ffi::OsString,
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};
use tempfile::TempDir;

/// The first administrator of every platform that is started here.
pub const ADMIN_EMAIL: &str = "ada@example.org";
/// Her password.
pub const ADMIN_PASSWORD: &str = "correct horse battery staple";

/// `clawplane dev`, running until it is dropped.
#[derive(Debug)]
pub struct Platform {
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    dir: TempDir,
    port: u16,
    extra: Vec<(OsString, OsString)>,
    args: Vec<String>,
    child: Option<Child>,
}

impl Platform {
    /// Starts one that may reach the vendors at `upstreams` and waits until it is up.
    pub async fn start(upstreams: &[String]) -> Self {
        Self::start_with(upstreams, &[], &[]).await
    }

    /// As [`Platform::start`], with more environment and arguments.
    pub async fn start_with(upstreams: &[String], env: &[(&str, &str)], args: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("clawplane-e2e-").tempdir().expect("a folder");
        // The private Postgres may run as another user, who has to get there.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        let mut extra: Vec<(OsString, OsString)> = vec![
            ("CLAWPLANE_UPSTREAM_ALLOW".into(), upstreams.join(",").into()),
            ("CLAWPLANE_ADMIN_EMAIL".into(), ADMIN_EMAIL.into()),
            ("CLAWPLANE_ADMIN_PASSWORD".into(), ADMIN_PASSWORD.into()),
            ("BOT_PORT_START".into(), free_port().to_string().into()),
        ];
        extra.extend(env.iter().map(|(name, value)| (name.into(), value.into())));
        let port = free_port();
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        let url = format!("http://127.0.0.1:{port}");
        let mut platform = Self { url, dir, port, extra, args, child: None };
        platform.launch().await;
        platform
    }

    /// Starts it (again) in the same folder and waits until it is up.
    pub async fn launch(&mut self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_file()).expect("a log file");
        let mut command = Command::new(binary());
        command
            .arg("dev")
            .args(["--data-dir", &self.data_dir().display().to_string()])
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .args(&self.args)
            .envs(self.extra.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .process_group(0);
        self.child = Some(command.spawn().expect("the binary starts"));
        let health = format!("{}/api/health", self.url);
        wait::until("the platform to be up", 90, || async {
            assert!(!self.has_ended(), "the platform ended by itself:\n{}", self.log());
            let answer = reqwest::get(&health).await.map_err(|error| error.to_string())?;
            if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
        })
        .await;
    }

    fn has_ended(&self) -> bool {
        // `kill -0` asks without taking: the exit status stays for `stop`.
        let Some(child) = &self.child else { return true };
        fs::read_to_string(format!("/proc/{}/stat", child.id())).map_or(true, |stat| stat.contains(") Z "))
    }

    /// A client that is signed in as the first administrator.
    pub async fn admin(&self) -> Client {
        Client::login(&self.url, ADMIN_EMAIL, ADMIN_PASSWORD).await
    }

    /// Adds a user with a personal tenant, as an administrator does on the command line.
    pub fn add_user(&self, email: &str, password: &str) {
        let output = Command::new(binary())
            .args(["user", "add", email, "--data-dir", &self.data_dir().display().to_string()])
            .env("CLAWPLANE_USER_PASSWORD", password)
            .output()
            .expect("the binary starts");
        assert!(output.status.success(), "user add: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Its data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("clawplane.log")
    }

    /// Ctrl-C, and how long it took to end.
    pub fn stop(&mut self) -> std::time::Duration {
        let Some(mut child) = self.child.take() else { return std::time::Duration::ZERO };
        let began = std::time::Instant::now();
        signal("-INT", child.id());
        let status = child.wait().expect("it ends");
        assert!(status.success(), "it ended with {status}:\n{}", self.log());
        began.elapsed()
    }

    /// `kill -9` of the process and everything it started, as a power cut would.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let family = descendants(child.id());
        for pid in std::iter::once(child.id()).chain(family) {
            signal("-KILL", pid);
        }
        let _ = child.wait();
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the platform's log\n{}", tail(&self.log(), 80));
        }
        if let Some(mut child) = self.child.take() {
            signal("-INT", child.id());
            let _ = child.wait();
        }
    }
}

/// Stops the private Postgres of a platform for as long as this lives, as a machine does that hangs: connections stay,
/// nothing answers.
#[derive(Debug)]
pub struct Frozen(Vec<u32>);

impl Platform {
    /// Freezes its Postgres.
    pub fn freeze_postgres(&self) -> Frozen {
        let below = self.child.as_ref().map(|child| descendants(child.id())).unwrap_or_default();
        let is_postgres = |pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == "postgres")
        };
        let pids: Vec<u32> = below.into_iter().filter(is_postgres).collect();
        assert!(pids.len() > 3, "Postgres and its processes: {pids:?}");
        // The first one is the postmaster: it starts no more of them.
        for pid in &pids {
            signal("-STOP", *pid);
        }
        Frozen(pids)
    }

    /// How its private Postgres is reached.
    pub fn database_url(&self) -> String {
        let url = fs::read_to_string(self.data_dir().join("postgres.url")).expect("it runs");
        url.trim().to_owned()
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.0.iter().for_each(|pid| signal("-CONT", *pid));
    }
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

pub(crate) fn signal(name: &str, pid: u32) {
    let _ = Command::new("kill").args([name, &pid.to_string()]).stderr(Stdio::null()).status();
}

/// Every process below `pid`, by its parent in `/proc`.
pub fn descendants(pid: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, p)| *p == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// A port that is free now, with some free ones behind it for bots, and that nobody else here is given.
///
/// The kernel gives its own choice of ports to whoever asks next, which may be another test's fake vendor while the process
/// that the port was meant for still starts. So these are below the kernel's range (32768 and up), each handed out once.
pub fn free_port() -> u16 {
    const FIRST: u16 = 18_000;
    const APART: u16 = 16;
    const COUNT: u32 = 900;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Two test binaries at once begin at different places.
    let start = std::process::id().wrapping_mul(37);
    let place = || start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
    let ports = std::iter::repeat_with(|| FIRST + APART * u16::try_from(place()).unwrap_or_default());
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.take(COUNT as usize).find(free).expect("a free port")
}

/// The binary under test, built if it is not up to date.
///
/// Cargo hands the path of a binary only to the tests of its own package, and those may not know this one.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        // The same selection of packages as `cargo test --workspace`, so the same features: nothing is built twice.
        build.args(["build", "--quiet", "--locked", "--workspace", "--bins"]);
        // What cargo tells a test of its package would make build scripts run again, there and back.
        let told = std::env::vars_os().map(|(name, _)| name);
        for name in told.filter(|name| name.to_string_lossy().starts_with("CARGO_PKG_")) {
            build.env_remove(name);
        }
        build.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_MANIFEST_PATH");
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status();
        assert!(status.is_ok_and(|status| status.success()), "`cargo build --bin clawplane` failed");
        let here = std::env::current_exe().expect("this test's path");
        // <target>/debug/deps/<test> or <target>/debug/<bench>
        let found = here.ancestors().map(|folder| folder.join("clawplane")).find(|path| path.is_file());
        found.expect("the binary beside the tests")
    })
}
