//! Why `clawplane dev` cannot start, in words for the person at the terminal.

use std::{io, path::PathBuf};

/// Why the private environment cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// A file or a directory cannot be used.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried: `read`, `create`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process runs on this data directory.
    #[error("{} is in use by another `clawplane dev`{}; stop it, or give --data-dir another directory",
        dir.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// Whose it is.
        pid: Option<u32>,
    },
    /// A program is not installed.
    #[error("{program} was not found; install it ({remedy}) or run `make run`, which does")]
    Missing {
        /// Its name.
        program: &'static str,
        /// How.
        remedy: String,
    },
    /// There is nobody but root to run a server as.
    #[error(
        "Postgres does not run as root, and there is no user `postgres` or `nobody`; make one, or run as yourself"
    )]
    NoAccount,
    /// Something is not as this program left it.
    #[error("{0}")]
    State(String),
    /// A server or one of its tools did not do what it should.
    #[error("{program} {what}{}", log_tail(tail))]
    Server {
        /// Which.
        program: &'static str,
        /// What it did instead.
        what: String,
        /// The last lines that it wrote.
        tail: String,
    },
}

fn log_tail(tail: &str) -> String {
    match tail.trim_end() {
        "" => String::new(),
        tail => format!("; its last lines:\n    {}", tail.replace('\n', "\n    ")),
    }
}

/// Adds to an error of the file system what was tried.
pub(super) fn file<T>(
    action: &'static str,
    path: &std::path::Path,
    result: io::Result<T>,
) -> Result<T, DevError> {
    result.map_err(|source| DevError::File { action, path: path.to_owned(), source })
}
