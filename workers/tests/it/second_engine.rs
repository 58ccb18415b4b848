//! Container engines of a test's own, beside the machine's: each with its socket, folders and address pool, by the same
//! `dockerd`. They keep off the packet filter, which is the machine's engine's.

use crate::docker_image;
use bollard::Docker;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::Instant;

/// Longest wait for an engine.
const LONGEST: Duration = Duration::from_mins(1);

/// An engine that runs until it is dropped.
pub(crate) struct SecondEngine {
    folder: TempDir,
    pool: u8,
    tcp: Option<(u16, Certificates)>,
    dockerd: Option<Child>,
}

/// What a client and an engine know each other by, in PEM.
#[derive(Clone)]
pub(crate) struct Certificates {
    pub(crate) ca: String,
    pub(crate) engine: (String, String),
    pub(crate) client: (String, String),
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let signed = |names: Vec<String>| {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &ca).unwrap();
            (certificate.pem(), key.serialize_pem())
        };
        let engine = signed(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]);
        Self { ca: ca.pem(), engine, client: signed(vec!["clawplane".to_owned()]) }
    }
}

impl SecondEngine {
    /// Starts one with the test image, or says loudly that it cannot be had. `pool` tells the engines of all tests apart.
    pub(crate) async fn start(pool: u8, tcp: Option<(u16, Certificates)>) -> Option<Self> {
        let usable = rustix::process::geteuid().is_root() && Path::new("/bin/busybox").exists();
        if !usable || Command::new("dockerd").arg("--version").output().is_err() {
            let why = b"SKIPPED: no second Docker engine (it takes root, `dockerd` and a static busybox)\n";
            std::io::stderr().write_all(why).unwrap();
            return None;
        }
        // Short: the path of a socket has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("cph").tempdir_in("/tmp").unwrap();
        let mut engine = Self { folder, pool, tcp, dockerd: None };
        engine.run().await;
        docker_image::import(&engine.docker()).await;
        Some(engine)
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.path("docker.sock").display())
    }

    pub(crate) fn docker(&self) -> Docker {
        Docker::connect_with_unix(&self.host(), 60, bollard::API_DEFAULT_VERSION).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `dockerd` and waits until it answers.
    pub(crate) async fn run(&mut self) {
        let path = |name: &str| self.path(name).display().to_string();
        let pool = format!("base=10.{}.0.0/16,size=24", self.pool);
        let _ = std::fs::remove_file(self.path("pid"));
        let mut dockerd = Command::new("dockerd");
        dockerd.args(["--data-root", &path("data"), "--exec-root", &path("exec"), "--pidfile", &path("pid")]);
        dockerd.args(["-H", &self.host(), "--bridge", "none", "--default-address-pool", &pool]);
        dockerd.args(["--iptables=false", "--ip-masq=false", "--live-restore"]);
        if let Some((port, certificates)) = &self.tcp {
            let (certificate, key) = &certificates.engine;
            for (name, text) in [("ca.pem", &certificates.ca), ("cert.pem", certificate), ("key.pem", key)] {
                std::fs::write(self.path(name), text).unwrap();
            }
            dockerd.args([
                "-H",
                &format!("tcp://127.0.0.1:{port}"),
                "--tlsverify",
                "--tlscacert",
                &path("ca.pem"),
            ]);
            dockerd.args(["--tlscert", &path("cert.pem"), "--tlskey", &path("key.pem")]);
        }
        let log = std::fs::File::options().create(true).append(true).open(self.path("log")).unwrap();
        dockerd.stdout(Stdio::null()).stderr(log);
        self.dockerd = Some(dockerd.spawn().unwrap());
        let end = Instant::now() + LONGEST;
        while !self.answers().await {
            let log = std::fs::read_to_string(self.path("log")).unwrap();
            assert!(Instant::now() < end, "dockerd does not answer: {log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn answers(&self) -> bool {
        // Without its socket there is nothing to connect to.
        let docker = Docker::connect_with_unix(&self.host(), 60, bollard::API_DEFAULT_VERSION);
        match docker {
            Ok(docker) => docker.ping().await.is_ok(),
            Err(_) => false,
        }
    }

    /// Ends it without a word, as a machine that loses power; its containers, which a machine would take along, too.
    pub(crate) async fn kill(&mut self) {
        for container in self.docker().list_containers(None).await.unwrap() {
            self.docker().kill_container(&container.id.unwrap(), None).await.unwrap();
        }
        let mut dockerd = self.dockerd.take().unwrap();
        dockerd.kill().unwrap();
        dockerd.wait().unwrap();
        self.end_containerd();
    }

    /// The one that this `dockerd` started, which outlives it.
    fn end_containerd(&self) {
        let Ok(pid) = std::fs::read_to_string(self.path("exec/containerd/containerd.pid")) else { return };
        if let Some(pid) = pid.trim().parse().ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for SecondEngine {
    #[expect(clippy::disallowed_methods, reason = "a drop cannot wait for a fact otherwise")]
    fn drop(&mut self) {
        if let Some(mut dockerd) = self.dockerd.take() {
            let pid = rustix::process::Pid::from_child(&dockerd);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let end = std::time::Instant::now() + Duration::from_secs(20);
            while dockerd.try_wait().is_ok_and(|ended| ended.is_none()) {
                if std::time::Instant::now() > end {
                    let _ = dockerd.kill();
                    let _ = dockerd.wait();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        self.end_containerd();
        // What a killed engine left mounted.
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        let ours = self.folder.path().display().to_string();
        let mut inside: Vec<_> = mounts.lines().filter_map(|line| line.split(' ').nth(1)).collect();
        inside.retain(|path| path.starts_with(&ours));
        inside.sort_unstable_by_key(|path| std::cmp::Reverse(path.len()));
        for path in inside {
            let _ = Command::new("umount").arg(path).status();
        }
    }
}
