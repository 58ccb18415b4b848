//! Where an engine is reached, and where its bots' folders are.

use crate::Invalid;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Longest address.
const LONGEST: usize = 512;

/// How an engine is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A socket on a machine that runs the platform.
    Unix,
    /// TCP, with mutual TLS.
    Tcp,
    /// Through an SSH server, as its user.
    Ssh,
}

/// An engine's address: `unix:///path`, `tcp://host:port` or `ssh://user@host[:port]`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EngineAddress(String);

impl EngineAddress {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How it is reached.
    pub fn way(&self) -> Way {
        match self.0.split_once("://") {
            Some(("tcp", _)) => Way::Tcp,
            Some(("ssh", _)) => Way::Ssh,
            _ => Way::Unix,
        }
    }
}

impl FromStr for EngineAddress {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |why: &str| Err(Invalid(why.to_owned()));
        // It becomes an argument of a program (`ssh`) and a line in a log.
        if text.len() > LONGEST || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return invalid("must have at most 512 printable characters without spaces");
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return invalid("must begin with `unix://`, `tcp://` or `ssh://`");
        };
        let fits = match scheme {
            "unix" => return absolute(rest).map(|()| Self(text.to_owned())),
            "tcp" => with_port(rest),
            "ssh" => rest.split_once('@').is_some_and(|(user, host)| {
                is_name(user) && !user.contains(':') && (is_host(host) || with_port(host))
            }),
            _ => return invalid("must begin with `unix://`, `tcp://` or `ssh://`"),
        };
        if fits {
            return Ok(Self(text.to_owned()));
        }
        invalid("must be `unix:///path`, `tcp://host:port` or `ssh://user@host[:port]`")
    }
}

fn with_port(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// A name, or an address; one of IPv6 stands in brackets.
fn is_host(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_name(text) && !text.contains(':'),
    }
}

/// What cannot be taken for an option.
fn is_name(text: &str) -> bool {
    let fit = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    !text.is_empty() && text.len() <= 253 && !text.starts_with('-') && text.bytes().all(fit)
}

fn absolute(path: &str) -> Result<(), Invalid> {
    let climbs = path.split('/').any(|part| matches!(part, "." | ".."));
    let printable = !path.chars().any(char::is_control);
    if path.starts_with('/') && path.len() > 1 && path.len() <= LONGEST && printable && !climbs {
        return Ok(());
    }
    Err(Invalid("must be an absolute path without `.` and `..`".to_owned()))
}

/// The folder of a host's bots: absolute, the same for its engine and for the worker that leads it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DataDir(String);

impl DataDir {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DataDir {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        absolute(text)?;
        // A bind mount is written `source:target`.
        if text.contains(':') {
            return Err(Invalid("must not have a colon".to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = Invalid;
            fn try_from(text: String) -> Result<Self, Invalid> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }
    )+};
}

as_text!(EngineAddress, DataDir);
