//! The cluster on disk: the programs that fit it, its making, its password, its pid file.

use super::{
    super::{DataDir, DevError, error::file, files, home::Home, leftover, programs},
    NAME,
};
use clawplane_domain::{Secret, clock::Ids};
use std::{ffi::OsStr, fs, path::PathBuf, time::Duration};

/// What the events table's functions need, and what the set-up script installs.
const OLDEST: u32 = 15;
const REMEDY: &str = "Debian: `apt-get install postgresql`";

/// A pair of programs of one version.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) postgres: PathBuf,
    initdb: PathBuf,
}

impl Programs {
    /// The newest, or for a cluster that exists those of its major version.
    pub(super) async fn find(home: &Home) -> Result<Self, DevError> {
        let wanted: Option<u32> =
            files::read_small(&home.dir.join("PG_VERSION"))?.and_then(|text| text.trim().parse().ok());
        let mut best: Option<(u32, Self)> = None;
        for postgres in programs::all("postgres") {
            let initdb = postgres.with_file_name("initdb");
            let Some(major) = programs::version(&postgres).await.and_then(|version| version.first().copied())
            else {
                continue;
            };
            let fits = wanted.map_or(major >= OLDEST, |wanted| wanted == major);
            if fits && initdb.is_file() && best.as_ref().is_none_or(|(version, _)| major > *version) {
                best = Some((major, Self { postgres, initdb }));
            }
        }
        best.map(|(_, programs)| programs).ok_or_else(|| DevError::Missing {
            program: "PostgreSQL (postgres and initdb)",
            remedy: match wanted {
                Some(wanted) => format!("version {wanted}, which made {}", home.dir.display()),
                None => format!("version {OLDEST} or newer; {REMEDY}"),
            },
        })
    }
}

/// Whether the cluster was made; `initdb` works beside it, so that a half-made one is never seen.
pub(super) fn exists(home: &Home) -> bool {
    home.dir.join("PG_VERSION").exists()
}

/// The cluster's password, made before the cluster is.
pub(super) fn password(data: &DataDir, home: &Home, ids: &dyn Ids) -> Result<Secret, DevError> {
    let path = data.file("postgres.password");
    match files::read_small(&path)? {
        Some(text) if !text.trim().is_empty() => Ok(Secret::new(text.trim().to_owned())),
        _ if exists(home) => Err(DevError::State(format!(
            "{} is missing, which holds the password of the cluster {}; put it back, or start on a new data directory",
            path.display(),
            home.dir.display()
        ))),
        _ => {
            let password = hex::encode(ids.random());
            files::write_private(&path, format!("{password}\n").as_bytes(), None)?;
            Ok(Secret::new(password))
        }
    }
}

/// Makes the cluster if there is none.
pub(super) async fn make(home: &Home, programs: &Programs, password: &Secret) -> Result<(), DevError> {
    if exists(home) {
        return Ok(());
    }
    let fresh = home.beside("new");
    files::remove_dir(&fresh)?;
    home.make_dir(&fresh)?;
    // initdb wants a file, and reads it as the cluster's user.
    let password_file = home.beside("initial-password");
    files::write_private(&password_file, password.expose().as_bytes(), home.account.as_ref())?;
    let args = [
        OsStr::new("-D"),
        fresh.as_os_str(),
        "--username".as_ref(),
        NAME.as_ref(),
        "--pwfile".as_ref(),
        password_file.as_os_str(),
        "--auth=scram-sha-256".as_ref(),
        "--encoding=UTF8".as_ref(),
        "--locale=C".as_ref(),
        "--no-instructions".as_ref(),
    ];
    let patience = Duration::from_mins(2);
    let made =
        programs::run("initdb", &programs.initdb, &args, &fresh, home.account.as_ref(), patience).await;
    files::remove(&password_file)?;
    made?;
    // An empty directory of that name may be there; anything else is not ours to replace.
    file("rename", &fresh, fs::rename(&fresh, &home.dir))
}

/// Removes the pid file of a killed server whose id now belongs to something else: Postgres would take that
/// for itself and refuse to start. One that may be true is left alone; Postgres checks it more closely.
pub(super) fn forget_stale_pid(home: &Home) -> Result<(), DevError> {
    let path = home.dir.join("postmaster.pid");
    let Some(text) = files::read_small(&path)? else {
        return Ok(());
    };
    let pid: Option<i32> = text.lines().next().and_then(|line| line.trim().parse().ok());
    let alive = |pid: i32| fs::exists(format!("/proc/{pid}")).unwrap_or(false);
    match pid {
        Some(pid) if alive(pid) && !leftover::runs_on(pid, "postgres", &home.dir) => {
            tracing::info!(pid, "the pid file of a killed Postgres names another process; it is removed");
            files::remove(&path)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
