//! bollard's errors as the worker tells them apart: is the engine gone, or did it say no?

use crate::runtime::RuntimeError;
use bollard::errors::Error;

/// Longest text of the engine's that is kept.
const LONGEST: usize = 500;

pub(super) fn typed(what: &'static str, error: Error) -> RuntimeError {
    match error {
        Error::DockerResponseServerError { status_code: 409, message } => {
            RuntimeError::Conflict { message: shortened(&message) }
        }
        Error::DockerResponseServerError { message, .. } => {
            RuntimeError::Other { what, message: shortened(&message) }
        }
        Error::DockerStreamError { error } => RuntimeError::Other { what, message: shortened(&error) },
        Error::SocketNotFoundError(path) => {
            RuntimeError::Unavailable { reason: format!("no Docker engine: there is no {path}") }
        }
        Error::HyperLegacyError { err } => RuntimeError::Unavailable { reason: with_causes(&err) },
        Error::HyperResponseError { err } => RuntimeError::Unavailable { reason: with_causes(&err) },
        Error::IOError { err } => RuntimeError::Unavailable { reason: with_causes(&err) },
        Error::RequestTimeoutError => {
            RuntimeError::Unavailable { reason: "it does not answer in time".to_owned() }
        }
        other => RuntimeError::Other { what, message: shortened(&with_causes(&other)) },
    }
}

/// Whether the engine said that the thing is not there.
pub(super) fn is_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}

/// Whether the engine said that there is nothing to do.
pub(super) fn is_unchanged(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 304, .. })
}

/// Whether somebody else is doing the same at this moment.
pub(super) fn is_under_way(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 409, message } if message.contains("in progress"))
}

/// Whether the engine said that a container is frozen already.
pub(super) fn is_paused(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { message, .. } if message.contains("already paused"))
}

/// Whether the engine said that a container is not frozen.
pub(super) fn is_not_paused(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { message, .. }
        if message.contains("not paused") || message.contains("not running"))
}

/// hyper says only `client error (Connect)` by itself; the cause is what a person needs.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}
