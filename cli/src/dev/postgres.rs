//! A Postgres cluster of our own, as a child process: on the loopback interface, with a password that only
//! this user can read, and healed by itself after a crash.

mod cluster;

use super::{
    DataDir, DevError,
    child::{Child, Spec},
    files,
    home::Home,
    leftover, ports,
};
use clawplane_domain::{Secret, clock::Ids};
use cluster::Programs;
use rustix::process::Signal;
use sqlx::{Connection, PgConnection, migrate::MigrateDatabase, postgres::PgConnectOptions};
use std::{
    ffi::OsString,
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    str::FromStr,
    time::Duration,
};
use tokio::time::{self, Instant, sleep};

/// Our user and our database in the cluster.
const NAME: &str = "clawplane";
/// How long a start may take, and how long if Postgres says that it replays its log after a crash.
const READY: Duration = Duration::from_mins(1);
const REPLAY: Duration = Duration::from_mins(10);
/// SIGINT is Postgres's "fast" shutdown, SIGQUIT its "immediate" one.
const STOP: &[(Signal, Duration)] =
    &[(Signal::INT, Duration::from_secs(20)), (Signal::QUIT, Duration::from_secs(10))];
/// A free port may be taken between its choice and its use.
const ATTEMPTS: usize = 3;

/// The running cluster.
#[derive(Debug)]
pub struct Postgres {
    child: Child,
    addr: SocketAddr,
    url: Secret,
    home: Home,
    url_file: std::path::PathBuf,
}

impl Postgres {
    /// Whether this data directory has a cluster already, running or not.
    pub fn exists(data: &DataDir) -> Result<bool, DevError> {
        Ok(cluster::exists(&Home::find(data, "postgres")?))
    }

    /// The address of the cluster that a running `clawplane dev` has on `data_dir`.
    pub fn running_url(data_dir: &Path) -> Result<Option<Secret>, DevError> {
        Ok(files::read_small(&data_dir.join("postgres.url"))?
            .map(|text| Secret::new(text.trim_end().to_owned())))
    }

    /// Stops what an earlier process left running, makes the cluster if there is none, starts it, and waits
    /// until our database in it answers. The caller holds the data directory's lock.
    pub async fn start(data: &DataDir, ids: &dyn Ids) -> Result<Self, DevError> {
        let home = Home::find(data, "postgres")?;
        let programs = Programs::find(&home).await?;
        leftover::stop("postgres", &data.tag(), Signal::INT).await?;
        let password = cluster::password(data, &home, ids)?;
        cluster::make(&home, &programs, &password).await?;
        cluster::forget_stale_pid(&home)?;
        let mut attempt = 1;
        loop {
            let error = match Self::attempt(data, &home, &programs, &password).await {
                Ok(postgres) => return Ok(postgres),
                Err(error) => error,
            };
            if attempt == ATTEMPTS || !error.to_string().contains("Address already in use") {
                return Err(error);
            }
            attempt += 1;
        }
    }

    async fn attempt(
        data: &DataDir,
        home: &Home,
        programs: &Programs,
        password: &Secret,
    ) -> Result<Self, DevError> {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
        let child = Child::spawn(Spec {
            name: "postgres",
            program: &programs.postgres,
            args: arguments(&home.dir, addr.port(), &data.tag()),
            dir: &home.dir,
            account: home.account.as_ref(),
            log: data.log("postgres"),
            stop: STOP,
        })?;
        let url =
            Secret::new(format!("postgres://{NAME}:{}@{addr}/{NAME}?sslmode=disable", password.expose()));
        let url_file = data.file("postgres.url");
        let postgres = Self { child, addr, url, home: home.clone(), url_file };
        let ready = async {
            postgres.ready().await?;
            files::write_private(&postgres.url_file, format!("{}\n", postgres.url.expose()).as_bytes(), None)
        };
        match ready.await {
            Ok(()) => Ok(postgres),
            Err(error) => {
                postgres.stop().await;
                Err(error)
            }
        }
    }

    /// Until a real connection to our database works.
    async fn ready(&self) -> Result<(), DevError> {
        let exited = self.child.exited();
        tokio::select! {
            status = exited => Err(self.child.error(format!("ended while it started ({status})"))),
            answer = self.connects() => answer,
        }
    }

    async fn connects(&self) -> Result<(), DevError> {
        let failed = |error: &sqlx::Error| self.child.error(format!("does not answer: {error}"));
        // Our database may not be there yet; that of initdb is.
        let first = self.url.expose().replace(&format!("/{NAME}?"), "/postgres?");
        let options = PgConnectOptions::from_str(&first).map_err(|error| failed(&error))?;
        let began = Instant::now();
        loop {
            let error =
                match time::timeout(Duration::from_secs(5), PgConnection::connect_with(&options)).await {
                    Ok(Ok(connection)) => {
                        let _ = connection.close().await;
                        break;
                    }
                    Ok(Err(error)) => error,
                    Err(_) => sqlx::Error::PoolTimedOut,
                };
            let limit = if is_replaying(&error) { REPLAY } else { READY };
            if began.elapsed() > limit {
                return Err(failed(&error));
            }
            sleep(Duration::from_millis(50)).await;
        }
        let url = self.url.expose();
        match sqlx::Postgres::database_exists(url).await {
            Ok(true) => Ok(()),
            Ok(false) => sqlx::Postgres::create_database(url).await.map_err(|error| failed(&error)),
            Err(error) => Err(failed(&error)),
        }
    }

    /// `postgres://user:password@127.0.0.1:port/clawplane`.
    pub fn url(&self) -> &Secret {
        &self.url
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What to tell people about where its files are, if that is not in the data directory.
    pub fn note(&self) -> Option<&str> {
        self.home.note.as_deref()
    }

    /// Waits until the server has ended, which it should not by itself, and tells how it did.
    pub fn exited(&self) -> impl Future<Output = String> + Send + 'static {
        self.child.exited()
    }

    /// Stops it, fast first, then faster. Close the connections before.
    pub async fn stop(self) {
        if let Err(error) = files::remove(&self.url_file) {
            tracing::warn!(%error, "the address of the private Postgres is left behind");
        }
        self.child.stop().await;
    }
}

/// `cannot_connect_now`: starting up, or replaying after a crash.
fn is_replaying(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "57P03")
}

fn arguments(dir: &Path, port: u16, tag: &str) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["-D".into(), dir.into(), "-p".into(), port.to_string().into()];
    let settings = [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=100",
        "idle_in_transaction_session_timeout=30s",
        "fsync=on",
        "password_encryption=scram-sha-256",
        "timezone=UTC",
        "log_timezone=UTC",
        "logging_collector=off",
        "log_destination=stderr",
        // Without DETAIL lines, which quote rows: what is in our tables is not for a log.
        "log_error_verbosity=terse",
        &format!("cluster_name={tag}"),
    ];
    for setting in settings {
        arguments.extend(["-c".into(), setting.into()]);
    }
    arguments
}
