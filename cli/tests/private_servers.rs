//! The private Postgres and NATS of `clawplane dev`, on the real programs: start, stop, and every way in
//! which an earlier run may have ended.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use clawplane_cli::{
    dev::{DataDir, DevError, Nats, Postgres},
    source::SystemIds,
};
use clawplane_domain::Secret;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sqlx::{Connection, PgConnection};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    time::Duration,
};
use tempfile::TempDir;
use tokio::time;

/// A data directory that other users can reach, as the servers do not run as root.
fn data_dir() -> (TempDir, DataDir) {
    let base = tempfile::tempdir().unwrap();
    fs::set_permissions(base.path(), Permissions::from_mode(0o755)).unwrap();
    let data = DataDir::open(&base.path().join("data")).unwrap();
    (base, data)
}

fn pid_in(path: &Path) -> Pid {
    let text = fs::read_to_string(path).unwrap();
    Pid::from_raw(text.lines().next().unwrap().trim().parse().unwrap()).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn connect(url: &Secret) -> PgConnection {
    PgConnection::connect(url.expose()).await.unwrap()
}

async fn setting(connection: &mut PgConnection, name: &str) -> String {
    sqlx::query_scalar("SELECT current_setting($1)").bind(name).fetch_one(connection).await.unwrap()
}

/// Writes a row, and leaves a transaction that never commits behind.
async fn write(url: &Secret) {
    let mut connection = connect(url).await;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS t (n int); INSERT INTO t VALUES (1);")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::raw_sql("BEGIN; INSERT INTO t VALUES (2);").execute(&mut connection).await.unwrap();
}

async fn rows(url: &Secret) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&mut connect(url).await).await.unwrap()
}

#[tokio::test]
async fn postgres_starts_for_us_alone_stops_and_starts_again() {
    let (_base, data) = data_dir();
    assert!(!Postgres::exists(&data).unwrap());
    let postgres = Postgres::start(&data, &SystemIds).await.unwrap();
    assert!(Postgres::exists(&data).unwrap());
    let mut connection = connect(postgres.url()).await;
    for (name, value) in [
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("server_encoding", "UTF8"),
        ("lc_collate", "C"),
        ("fsync", "on"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("password_encryption", "scram-sha-256"),
    ] {
        assert_eq!(setting(&mut connection, name).await, value, "{name}");
    }
    for database in ["clawplane", "postgres"] {
        let guessed = format!("postgres://clawplane:guessed@{}/{database}?sslmode=disable", postgres.addr());
        assert!(PgConnection::connect(&guessed).await.is_err());
    }
    for (file, expected) in [
        ("postgres", 0o700),
        ("postgres.password", 0o600),
        ("postgres.url", 0o600),
        ("log/postgres.log", 0o600),
    ] {
        assert_eq!(mode(&data.file(file)), expected, "{file}");
    }
    assert!(!data.file("postgres.initial-password").exists());
    write(postgres.url()).await;
    let running = Postgres::running_url(data.path()).unwrap().unwrap();
    assert_eq!(running.expose(), postgres.url().expose());
    postgres.stop().await;
    assert!(Postgres::running_url(data.path()).unwrap().is_none());
    let log = fs::read_to_string(data.log("postgres")).unwrap();
    assert!(log.contains("database system is shut down") && !log.contains(running.expose()), "{log}");

    let postgres = Postgres::start(&data, &SystemIds).await.unwrap();
    assert_eq!(rows(postgres.url()).await, 1);
    assert!(!fs::read_to_string(data.log("postgres")).unwrap().contains("recovery"));
    assert!(
        fs::read_to_string(data.log("postgres").with_extension("log.old")).unwrap().contains("shut down")
    );
    postgres.stop().await;
}

#[tokio::test]
async fn postgres_recovers_from_kills() {
    let (_base, data) = data_dir();
    let first = Postgres::start(&data, &SystemIds).await.unwrap();
    write(first.url()).await;
    let pid = pid_in(&data.file("postgres/postmaster.pid"));
    // The server alone is killed: its end is seen, its pid file and maybe its children stay behind.
    let exited = first.exited();
    kill_process(pid, Signal::KILL).unwrap();
    let status = time::timeout(Duration::from_secs(30), exited).await.unwrap();
    assert!(status.starts_with("signal: 9"), "{status}");
    drop(first);
    // Its pid may belong to somebody else by now.
    let stale = fs::read_to_string(data.file("postgres/postmaster.pid")).unwrap();
    let reused = stale.replacen(&pid.as_raw_nonzero().to_string(), &std::process::id().to_string(), 1);
    fs::write(data.file("postgres/postmaster.pid"), reused).unwrap();
    let second = Postgres::start(&data, &SystemIds).await.unwrap();
    assert_eq!(rows(second.url()).await, 1);
    write(second.url()).await;
    // We alone are killed: the server runs on, and nobody is there to stop it.
    let orphan = pid_in(&data.file("postgres/postmaster.pid"));
    std::mem::forget(second);
    let third = Postgres::start(&data, &SystemIds).await.unwrap();
    assert!(test_kill_process(orphan).is_err(), "the orphan is gone");
    assert_eq!(rows(third.url()).await, 2);
    third.stop().await;
}

#[tokio::test]
async fn a_cluster_that_was_half_made_is_made_anew() {
    let (_base, data) = data_dir();
    fs::create_dir(data.file("postgres.new")).unwrap();
    fs::write(data.file("postgres.new/PG_VERSION"), "15\n").unwrap();
    assert!(!Postgres::exists(&data).unwrap());
    let postgres = Postgres::start(&data, &SystemIds).await.unwrap();
    write(postgres.url()).await;
    postgres.stop().await;
    assert!(!data.file("postgres.new").exists());
    // One that cannot start says why.
    fs::write(data.file("postgres/postgresql.conf"), "no_such_setting = 1\n").unwrap();
    let error = Postgres::start(&data, &SystemIds).await.unwrap_err();
    assert!(matches!(error, DevError::Server { .. }));
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

async fn client(url: &Secret) -> async_nats::Client {
    let (servers, options) = clawplane_workers::nats::url::connection(url).unwrap();
    options.connect(servers).await.unwrap()
}

async fn stream(url: &Secret) -> async_nats::jetstream::stream::Stream {
    let config = async_nats::jetstream::stream::Config {
        name: "events".to_owned(),
        subjects: vec!["events.>".to_owned()],
        ..Default::default()
    };
    async_nats::jetstream::new(client(url).await).get_or_create_stream(config).await.unwrap()
}

async fn publish(url: &Secret) {
    stream(url).await;
    let jetstream = async_nats::jetstream::new(client(url).await);
    jetstream.publish("events.x", "x".into()).await.unwrap().await.unwrap();
}

async fn messages(url: &Secret) -> u64 {
    stream(url).await.cached_info().state.messages
}

#[tokio::test]
async fn nats_starts_for_us_alone_and_recovers_from_kills() {
    let (_base, data) = data_dir();
    let first = Nats::start(&data, &SystemIds).await.unwrap();
    assert!(async_nats::connect(format!("nats://{}", first.addr())).await.is_err());
    assert_eq!((mode(&data.file("nats")), mode(&data.file("nats/nats.conf"))), (0o700, 0o600));
    publish(first.url()).await;
    first.stop().await;

    let second = Nats::start(&data, &SystemIds).await.unwrap();
    assert_eq!(messages(second.url()).await, 1);
    publish(second.url()).await;
    let exited = second.exited();
    kill_process(pid_in(&data.file("nats/nats.pid")), Signal::KILL).unwrap();
    assert!(exited.await.starts_with("signal: 9"));

    let third = Nats::start(&data, &SystemIds).await.unwrap();
    assert_eq!(messages(third.url()).await, 2);
    let orphan = pid_in(&data.file("nats/nats.pid"));
    std::mem::forget(third);
    let fourth = Nats::start(&data, &SystemIds).await.unwrap();
    assert!(test_kill_process(orphan).is_err(), "the orphan is gone");
    assert_eq!(messages(fourth.url()).await, 2);
    fourth.stop().await;
    let log = fs::read_to_string(data.log("nats")).unwrap();
    assert!(log.contains("Server Exiting"), "{log}");
}

#[tokio::test]
async fn the_demo_vendor_keeps_its_address_and_its_key() {
    use tokio_util::sync::CancellationToken;
    let (_base, data) = data_dir();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let shutdown = CancellationToken::new();
        let vendor = clawplane_cli::dev::start_demo(&data, &SystemIds, shutdown.clone()).await.unwrap();
        seen.push((vendor.base_url(), vendor.key().expose().to_owned()));
        shutdown.cancel();
        vendor.stopped().await;
    }
    assert_eq!(seen[0], seen[1]);
}
