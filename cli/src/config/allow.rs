//! An entry of `CLAWPLANE_UPSTREAM_ALLOW`: a private place that a vendor's base URL may name all the same.

use ipnet::IpNet;
use std::{fmt, net::Ipv6Addr, str::FromStr};

/// `host:port` or a network in CIDR notation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowEntry {
    /// This port of this host; the host as in the URL, in lower case, an IPv6 address without brackets.
    HostPort {
        /// A name or an address.
        host: String,
        /// Not 0.
        port: u16,
    },
    /// Every port of every address of the network.
    Net(IpNet),
}

impl FromStr for AllowEntry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.contains('/') {
            return match text.parse::<IpNet>() {
                Ok(net) => Ok(Self::Net(net.trunc())),
                Err(_) => Err("is not a network in CIDR notation".to_owned()),
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or("names no port")?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or("has no port from 1 to 65535 at its end")?;
        let host = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => inner
                .parse::<Ipv6Addr>()
                .map_err(|_| "has no IPv6 address in its brackets")?
                .to_string(),
            None => name(host)?,
        };
        Ok(Self::HostPort { host, port })
    }
}

/// A host name or an IPv4 address.
fn name(host: &str) -> Result<String, String> {
    if host.contains(':') {
        return Err("is an IPv6 address without brackets".to_owned());
    }
    let chars = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if !chars || host.is_empty() || host.len() > 253 {
        return Err("names no host".to_owned());
    }
    Ok(host.to_ascii_lowercase())
}

impl fmt::Display for AllowEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostPort { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::HostPort { host, port } => write!(f, "{host}:{port}"),
            Self::Net(net) => net.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
