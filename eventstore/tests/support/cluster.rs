//! A throw-away Postgres cluster that lives exactly as long as the process that started it.

use std::{
    fs,
    io::ErrorKind,
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// Runs Postgres until its standard input ends, which happens however the test process dies.
const WATCHDOG: &str = r#"
trap '' INT TERM HUP
"$1/postgres" -D "$2/data" -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    -c fsync=off -c full_page_writes=off -c max_connections=200 -c shared_buffers=64MB -c timezone=UTC \
    >"$2/log" 2>&1 &
read -r _
kill -QUIT $!
wait
rm -rf "$2"
"#;

/// A running cluster. It stops and its files go when this is dropped or the process ends.
#[derive(Debug)]
pub struct Cluster {
    /// The administrator's way in, to the database `postgres`.
    pub url: String,
    /// Where its files are; they go with it.
    pub dir: PathBuf,
    watchdog: Child,
}

impl Cluster {
    /// Makes and starts a cluster, and waits until it answers.
    pub fn start() -> Self {
        // A free port may be taken by somebody else before Postgres has it: then the next try has another one.
        let mut tries = (0..3).map(|_| Self::try_start());
        let mut why = String::new();
        tries
            .find_map(|result| result.map_err(|log| why = log).ok())
            .unwrap_or_else(|| panic!("no Postgres: {why}"))
    }

    /// The cluster, or the server's log.
    fn try_start() -> Result<Self, String> {
        let bin = binaries();
        let owner = Owner::find();
        let dir = owner.directory();
        let mut initdb = Command::new(bin.join("initdb"));
        initdb.args(["--no-locale", "-E", "UTF8", "-A", "trust", "-U", "postgres", "--no-sync", "-D"]);
        initdb.arg(dir.join("data")).current_dir(&dir);
        let made = owner.of(&mut initdb).output().expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut watchdog = Command::new("sh");
        watchdog.args(["-c", WATCHDOG, "postgres-watchdog"]).arg(bin).arg(&dir).arg(port.to_string());
        // A group of its own, so that Ctrl-C reaches the tests only.
        watchdog
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .current_dir(&dir);
        let watchdog = owner.of(&mut watchdog).spawn().expect("sh runs");
        let cluster = Self { url: format!("postgres://postgres@127.0.0.1:{port}/postgres"), dir, watchdog };
        comes_up(&cluster.dir)?;
        Ok(cluster)
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Waits for the server. Its log tells, and not its port, which might be somebody else's.
fn comes_up(dir: &Path) -> Result<(), String> {
    let started = Instant::now();
    loop {
        let log = fs::read_to_string(dir.join("log")).unwrap_or_default();
        if log.contains("database system is ready to accept connections") {
            return Ok(());
        }
        if log.contains("FATAL") || started.elapsed() > Duration::from_mins(1) {
            return Err(log);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The directory with Postgres's programs: where the `PATH` leads to, else the newest of those that Debian has.
pub fn binaries() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let version = entry.ok()?;
            Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin")))
        })
        .collect();
    debian.sort();
    // The link that stands in the `PATH` may be of one program only; its target has the others beside it.
    let complete = |bin: PathBuf| {
        let bin = fs::canonicalize(bin.join("initdb")).ok()?.parent()?.to_path_buf();
        bin.join("postgres").exists().then_some(bin)
    };
    std::env::split_paths(&path)
        .chain(debian.into_iter().rev().map(|(_, bin)| bin))
        .find_map(complete)
        .expect("Postgres is installed (or CLAWPLANE_TEST_DATABASE_URL says where one runs)")
}

/// Whom the server runs as: Postgres refuses to be root.
struct Owner(Option<(u32, u32)>);

impl Owner {
    fn find() -> Self {
        if fs::metadata("/proc/self").expect("/proc").uid() != 0 {
            return Self(None);
        }
        let users = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
        let ids = |name: &str| {
            let mut fields =
                users.lines().map(|line| line.split(':')).find(|line| line.clone().next() == Some(name))?;
            Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
        };
        Self(Some(ids("postgres").or_else(|| ids("nobody")).expect("a user `postgres` or `nobody`")))
    }

    fn of<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        match self.0 {
            Some((user, group)) => command.uid(user).gid(group),
            None => command,
        }
    }

    /// A new directory that is this user's. Under the temporary one, since a home may be closed to it.
    fn directory(&self) -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let dir =
                std::env::temp_dir().join(format!("clawplane-test-postgres-{}-{count}", std::process::id()));
            match fs::create_dir(&dir) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                other => other.expect("the temporary directory is writable"),
            }
            if let Some((user, group)) = self.0 {
                chown(&dir, Some(user), Some(group)).unwrap();
            }
            return dir;
        }
    }
}
