//! Ports on the loopback interface.

use super::{DevError, error::file, files};
use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
};

/// A port that nobody has at the moment. Somebody may take it before it is used: callers try again.
pub(super) fn free() -> Result<u16, DevError> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr();
    file("find a free port on", Path::new("127.0.0.1"), bind()).map(|addr| addr.port())
}

/// Listens on the port that `memory` remembers, or on another if somebody has that, and remembers it.
pub(super) fn remembered(memory: &Path) -> Result<TcpListener, DevError> {
    let last: Option<u16> = files::read_small(memory)?.and_then(|text| text.trim().parse().ok());
    let again = last.and_then(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    let listener = match again {
        Some(listener) => listener,
        None => file("listen on", Path::new("127.0.0.1"), TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?,
    };
    let port = file("listen on", Path::new("127.0.0.1"), listener.local_addr())?.port();
    if last != Some(port) {
        files::write_private(memory, format!("{port}\n").as_bytes(), None)?;
    }
    Ok(listener)
}

#[cfg(test)]
mod tests;
