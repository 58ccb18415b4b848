//! Support for tests that need a real database: each test gets its own, cloned from a migrated template.
//!
//! Other crates include this file with `#[path = "../../eventstore/tests/support/mod.rs"] mod support;`, so it
//! uses nothing but clawplane-domain, clawplane-eventstore, sqlx and tokio.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each binary that includes this uses its own part"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot get its database has to fail"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "which Postgres to use is said by the environment, and its start is waited for without a runtime"
)]

mod cluster;
mod fixtures;

pub use cluster::{Cluster, binaries};
pub use fixtures::{CountingIds, FixedClock, metadata};

use clawplane_eventstore::database;
use sqlx::{Connection, PgConnection, PgPool};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::OnceCell;

/// A database of one test, empty but for the schema. Dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    /// Opened as the platform opens it.
    pub pool: PgPool,
    /// For whatever wants its own connection.
    pub url: String,
    admin: String,
    name: String,
}

/// A new database for the calling test.
pub async fn database() -> TestDatabase {
    // Plain data only: the runtime of whichever test comes first ends with that test.
    static ADMIN: OnceCell<(String, String)> = OnceCell::const_new();
    let (admin, template) = ADMIN
        .get_or_init(|| async {
            let admin = admin_url();
            let template = template(&admin).await;
            (admin, template)
        })
        .await;
    clone(admin, template).await
}

/// A new database in a cluster of its own, for tests that must not meet any other's transactions.
pub async fn database_in(cluster: &Cluster) -> TestDatabase {
    let template = template(&cluster.url).await;
    clone(&cluster.url, &template).await
}

fn admin_url() -> String {
    static SHARED: std::sync::OnceLock<Cluster> = std::sync::OnceLock::new();
    std::env::var("CLAWPLANE_TEST_DATABASE_URL")
        .unwrap_or_else(|_| SHARED.get_or_init(Cluster::start).url.clone())
}

/// The URL of another database of the same cluster.
pub fn with_database(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let authority = address.find("://").map_or(0, |at| at + 3);
    let end = address[authority..].find('/').map_or(address.len(), |at| authority + at);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}/{name}{query}", &address[..end])
}

/// The name of the migrated template, made unless it is there. A changed migration makes another one.
async fn template(admin: &str) -> String {
    let mut hasher = DefaultHasher::new();
    for migration in database::MIGRATOR.iter() {
        migration.checksum.hash(&mut hasher);
    }
    let name = format!("clawplane_template_{:016x}", hasher.finish());
    let building = format!("{name}_building");
    let mut connection = PgConnection::connect(admin).await.expect("the test cluster answers");
    // Several test processes may share one cluster; the lock ends with the connection.
    sqlx::query("SELECT pg_advisory_lock(7264002)").execute(&mut connection).await.unwrap();
    let found = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1").bind(&name);
    if found.fetch_optional(&mut connection).await.unwrap().is_none() {
        run(&mut connection, &format!("DROP DATABASE IF EXISTS {building}")).await;
        run(&mut connection, &format!("CREATE DATABASE {building}")).await;
        let mut inside = PgConnection::connect(&with_database(admin, &building)).await.unwrap();
        database::MIGRATOR.run(&mut inside).await.expect("the migrations run on an empty database");
        inside.close().await.unwrap();
        run(&mut connection, &format!("ALTER DATABASE {building} RENAME TO {name}")).await;
    }
    connection.close().await.unwrap();
    name
}

async fn clone(admin: &str, template: &str) -> TestDatabase {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("clawplane_test_{}_{since}_{count}", std::process::id());
    let mut connection = PgConnection::connect(admin).await.expect("the test cluster answers");
    run(&mut connection, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    connection.close().await.unwrap();
    let url = with_database(admin, &name);
    let pool = database::connect(&url, 20).await.unwrap();
    TestDatabase { pool, url, admin: admin.to_owned(), name }
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::query(sql).execute(connection).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // The test's runtime is blocked here or already ending: the clean-up has one of its own.
        let (admin, name) = (self.admin.clone(), self.name.clone());
        let cleanup = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&admin).await.map_err(std::io::Error::other)?;
                let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                sqlx::query(&sql).execute(&mut connection).await.map_err(std::io::Error::other)?;
                Ok::<_, std::io::Error>(())
            })
        };
        // Best effort: a database left behind disturbs nobody, and the throw-away cluster goes as a whole.
        let _ = std::thread::spawn(cleanup).join();
    }
}
