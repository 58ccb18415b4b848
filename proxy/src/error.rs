//! What can keep the proxy from starting.

use crate::ports::BoxError;
use clawplane_eventstore::StoreError;

/// Why the proxy did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The spool's folder cannot be used.
    #[error("the spool in {path} cannot be used")]
    Spool {
        /// The folder.
        path: std::path::PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Another process has the spool open.
    #[error("the spool in {0} is in use by another process")]
    SpoolInUse(std::path::PathBuf),
    /// The events could not be read.
    #[error("the events could not be read")]
    Store(#[from] StoreError),
    /// What was used before could not be read.
    #[error("the usage totals could not be read")]
    Totals(#[source] BoxError),
    /// There are no trusted roots, or no TLS.
    #[error("TLS cannot be set up")]
    Tls(#[source] BoxError),
    /// The shutdown signal came first.
    #[error("stopped while starting")]
    Stopped,
}
