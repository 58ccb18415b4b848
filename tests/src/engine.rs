//! A container engine of a test's own, which it may kill: beside the machine's, with its own socket, data and networks.

use crate::{
    platform::{descendants, signal},
    wait,
};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};
use tempfile::TempDir;

/// Makes the small image.
const SMALL_BOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/small-bot/build.sh");
/// A 2 MB image that behaves like a bot.
pub const SMALL_BOT_IMAGE: &str = "clawplane/small-bot:1";

/// Puts the image [`SMALL_BOT_IMAGE`] on the engine at `host`, or on the machine's own.
pub fn build_small_bot(host: Option<&str>) {
    let mut build = Command::new(SMALL_BOT);
    build.envs(host.map(|host| ("DOCKER_HOST", host)));
    assert!(build.status().is_ok_and(|status| status.success()), "{SMALL_BOT} failed");
}

/// A `dockerd`, running until it is dropped.
#[derive(Debug)]
pub struct Engine {
    dir: TempDir,
    pool: u8,
    child: Option<Child>,
}

impl Engine {
    /// Starts one and waits until it answers. It needs root, as every engine with networks does.
    pub async fn start() -> Self {
        static POOLS: AtomicU32 = AtomicU32::new(0);
        // Sockets have short names, so not below the usual folder, whose name may be long.
        let dir = tempfile::Builder::new().prefix("cp-engine-").tempdir_in("/tmp").expect("a folder");
        // Two test binaries at once take different networks.
        let place =
            std::process::id().wrapping_mul(8).wrapping_add(POOLS.fetch_add(1, Ordering::Relaxed)) % 200;
        let pool = 20 + u8::try_from(place).unwrap_or_default();
        let mut engine = Self { dir, pool, child: None };
        engine.launch().await;
        engine
    }

    /// Starts it (again) over the same data.
    pub async fn launch(&mut self) {
        let path = |name: &str| self.dir.path().join(name).display().to_string();
        let log = File::options().create(true).append(true).open(self.log_file()).expect("a log file");
        let mut command = Command::new("dockerd");
        command
            .args(["--data-root", &path("data"), "--exec-root", &path("exec"), "--pidfile", &path("pid")])
            .args(["--host", &self.host()])
            // The machine's engine keeps its own chains, and would lose them to a second one.
            .args(["--bridge", "none", "--iptables=false", "--ip6tables=false"])
            .args(["--default-address-pool", &format!("base=10.{}.0.0/16,size=24", self.pool)])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log);
        self.child = Some(command.spawn().expect("dockerd starts"));
        wait::until("the engine to answer", 60, || async {
            if self.docker(&["info"]).status.success() {
                Ok(())
            } else {
                Err(self.log().lines().rev().take(8).map(str::to_owned).collect::<Vec<_>>())
            }
        })
        .await;
    }

    /// As `DOCKER_HOST` has it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.dir.path().join("sock").display())
    }

    /// `docker` on this engine.
    pub fn docker(&self, args: &[&str]) -> Output {
        Command::new("docker").arg("--host").arg(self.host()).args(args).output().expect("docker runs")
    }

    /// What `docker` prints, which must succeed.
    pub fn output(&self, args: &[&str]) -> String {
        let output = self.docker(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker {args:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Puts the image [`SMALL_BOT_IMAGE`] on it.
    pub fn add_small_bot(&self) {
        build_small_bot(Some(&self.host()));
    }

    /// `kill -9` of the daemon alone: what it had started goes on.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal("-KILL", child.id());
            let _ = child.wait();
            // Its containerd dies with it. Where no first process reaps it, the next daemon would take it for alive.
            let _ = fs::remove_file(self.containerd_pid());
        }
    }

    fn containerd_pid(&self) -> PathBuf {
        self.dir.path().join("exec/containerd/containerd.pid")
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.child.is_some() {
            let all = self.docker(&["ps", "-aq"]);
            let ids = String::from_utf8_lossy(&all.stdout).into_owned();
            for id in ids.lines() {
                self.docker(&["rm", "-f", id]);
            }
            // A network leaves a bridge behind.
            self.docker(&["network", "prune", "-f"]);
        }
        if let Some(mut child) = self.child.take() {
            signal("-TERM", child.id());
            let _ = child.wait();
        }
        // What a killed one left: its containerd, whose folder goes now.
        let pid = fs::read_to_string(self.containerd_pid()).unwrap_or_default();
        if let Ok(pid) = pid.trim().parse() {
            signal("-TERM", pid);
        }
        end_shims(self.dir.path());
        unmount(self.dir.path());
    }
}

/// A killed daemon's containers go on under their shims, which name its folder.
fn end_shims(folder: &Path) {
    let folder = folder.display().to_string();
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let names = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains(&folder))
    };
    for shim in pids.filter(names).collect::<Vec<_>>() {
        descendants(shim).into_iter().chain([shim]).for_each(|pid| signal("-KILL", pid));
    }
}

/// Containers that ended badly leave mounts behind, under which nothing could be removed.
fn unmount(folder: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let below = mounts.lines().filter_map(|line| line.split_whitespace().nth(1));
    let below: Vec<&str> = below.filter(|path| Path::new(path).starts_with(folder)).collect();
    for path in below.into_iter().rev() {
        let _ = Command::new("umount").args(["-l", path]).status();
    }
}
