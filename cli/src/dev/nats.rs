//! A NATS server of our own with JetStream, as a child process: on the loopback interface, with a password.

use super::{
    DataDir, DevError,
    child::{Child, Spec},
    files,
    home::Home,
    leftover, ports, programs,
};
use clawplane_domain::{Secret, clock::Ids};
use rustix::process::Signal;
use serde_json::Value;
use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{self, Instant, sleep};

const NAME: &str = "clawplane";
/// JetStream as our relay needs it, with deduplication by message id and consumer limits.
const OLDEST: [u32; 2] = [2, 9];
const REMEDY: &str = "Debian: `apt-get install nats-server`";
const READY: Duration = Duration::from_mins(1);
const STOP: &[(Signal, Duration)] = &[(Signal::TERM, Duration::from_secs(10))];
/// A free port may be taken between its choice and its use.
const ATTEMPTS: usize = 3;

/// The running server.
#[derive(Debug)]
pub struct Nats {
    child: Child,
    addr: SocketAddr,
    url: Secret,
    note: Option<String>,
}

impl Nats {
    /// Stops what an earlier process left running, starts the server, and waits until JetStream answers.
    /// The caller holds the data directory's lock.
    pub async fn start(data: &DataDir, ids: &dyn Ids) -> Result<Self, DevError> {
        let program = find().await?;
        let home = Home::find(data, "nats")?;
        leftover::stop("nats-server", &data.tag(), Signal::TERM).await?;
        home.make_dir(&home.dir)?;
        // A new one each time: nobody else needs it.
        let password = Secret::new(hex::encode(ids.random()));
        let mut attempt = 1;
        loop {
            let error = match Self::attempt(data, &home, &program, &password).await {
                Ok(nats) => return Ok(nats),
                Err(error) => error,
            };
            if attempt == ATTEMPTS || !error.to_string().contains("address already in use") {
                return Err(error);
            }
            attempt += 1;
        }
    }

    async fn attempt(
        data: &DataDir,
        home: &Home,
        program: &Path,
        password: &Secret,
    ) -> Result<Self, DevError> {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let config = home.dir.join("nats.conf");
        files::write_private(
            &config,
            configuration(&home.dir, addr, password).as_bytes(),
            home.account.as_ref(),
        )?;
        let child = Child::spawn(Spec {
            name: "nats-server",
            program,
            args: vec!["--name".into(), data.tag().into(), "--config".into(), config.into()],
            dir: &home.dir,
            account: home.account.as_ref(),
            log: data.log("nats"),
            stop: STOP,
        })?;
        let url = Secret::new(format!("nats://{NAME}:{}@{addr}", password.expose()));
        let nats = Self { child, addr, url, note: home.note.clone() };
        match nats.ready().await {
            Ok(()) => Ok(nats),
            Err(error) => {
                nats.stop().await;
                Err(error)
            }
        }
    }

    /// Until JetStream answers over a real connection.
    async fn ready(&self) -> Result<(), DevError> {
        let answers = async {
            let began = Instant::now();
            loop {
                match time::timeout(Duration::from_secs(5), answers(&self.url)).await {
                    Ok(Ok(())) => return Ok(()),
                    Ok(Err(error)) if began.elapsed() > READY => {
                        return Err(self.child.error(format!("does not answer: {error}")));
                    }
                    Err(_) if began.elapsed() > READY => {
                        return Err(self.child.error("does not answer"));
                    }
                    _ => sleep(Duration::from_millis(20)).await,
                }
            }
        };
        tokio::select! {
            status = self.child.exited() => Err(self.child.error(format!("ended while it started ({status})"))),
            answer = answers => answer,
        }
    }

    /// `nats://user:password@127.0.0.1:port`, for [`clawplane_workers::nats::url::connection`].
    pub fn url(&self) -> &Secret {
        &self.url
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What to tell people about where its files are, if that is not in the data directory.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Waits until the server has ended, which it should not by itself, and tells how it did.
    pub fn exited(&self) -> impl Future<Output = String> + Send + 'static {
        self.child.exited()
    }

    /// Stops it. Close the connections before.
    pub async fn stop(self) {
        self.child.stop().await;
    }
}

async fn answers(url: &Secret) -> Result<(), String> {
    let (servers, options) =
        clawplane_workers::nats::url::connection(url).map_err(|fault| fault.to_string())?;
    let client = options.connect(servers).await.map_err(|error| error.to_string())?;
    // The library's `query_account` wants fields that servers before 2.10 do not send.
    let answer = client.request("$JS.API.INFO", "".into()).await.map_err(|error| error.to_string())?;
    let answer: Value = serde_json::from_slice(&answer.payload).map_err(|error| error.to_string())?;
    match answer.get("error") {
        None => Ok(()),
        Some(error) => Err(format!("JetStream: {error}")),
    }
}

async fn find() -> Result<PathBuf, DevError> {
    let mut too_old = None;
    for program in programs::all("nats-server") {
        match programs::version(&program).await {
            Some(version) if version[..] >= OLDEST[..] => return Ok(program),
            version => too_old = Some((program, version)),
        }
    }
    let remedy = match too_old {
        Some((program, _)) => format!("version 2.9 or newer; {} is older", program.display()),
        None => format!("version 2.9 or newer; {REMEDY}"),
    };
    Err(DevError::Missing { program: "nats-server", remedy })
}

/// In the server's own format. Paths and the password go in as JSON strings, which it understands.
fn configuration(dir: &Path, addr: SocketAddr, password: &Secret) -> String {
    let text = |text: &str| Value::from(text).to_string();
    let path = |name: &str| text(&dir.join(name).to_string_lossy());
    format!(
        "listen: {}\npid_file: {}\njetstream {{ store_dir: {}, max_memory_store: 256MB }}\n\
         authorization {{ user: {}, password: {} }}\n",
        text(&addr.to_string()),
        path("nats.pid"),
        path("store"),
        text(NAME),
        text(password.expose()),
    )
}
