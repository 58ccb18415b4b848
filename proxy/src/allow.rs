//! The guard against requests into private places: which addresses a vendor may be at.
//!
//! A base URL comes from a tenant, so it could name the platform's own network or a cloud's metadata
//! service. Addresses are checked when a connection is made, on what the name resolved to at that moment.

use crate::vendors::Endpoint;
use clawplane_domain::{
    address::is_public,
    values::{BaseUrl, Invalid},
};
use ipnet::IpNet;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};
use url::{Host, Url};

/// One entry of the allow list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// A host as base URLs spell it (a name or an address), and a port.
    Place { host: String, port: u16 },
    /// Every port of every address of a network.
    Net(IpNet),
}

/// Private places that vendors may be at, and plain HTTP may be spoken with. Empty by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamAllow(Vec<Entry>);

/// Why a vendor's address is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAllowed {
    #[error("the vendor's address is private and not on the allow list")]
    Private,
    #[error("plain http is only for places on the allow list")]
    PlainHttp,
}

impl UpstreamAllow {
    /// Adds one entry: `host:port`, `[v6]:port` or a CIDR such as `10.1.0.0/16`.
    pub fn add(&mut self, entry: &str) -> Result<(), Invalid> {
        self.0.push(parse(entry.trim())?);
        Ok(())
    }

    /// Whether a base URL may be used, as far as that can be told without asking for its name.
    pub fn check_url(&self, url: &BaseUrl) -> Result<(), Invalid> {
        let not_a_url = || Invalid("must be a URL with a host".to_owned());
        let parsed = Url::parse(url.as_str()).map_err(|_| not_a_url())?;
        let https = parsed.scheme() == "https";
        // Two parsers have to see the same in it: the WHATWG's takes hosts that no HTTP request can go to.
        let endpoint = Endpoint::parse(url.as_str()).ok_or_else(not_a_url)?;
        if parsed.host_str() != Some(endpoint.authority.host()) {
            return Err(not_a_url());
        }
        let (Some(host), Some(port)) = (parsed.host(), parsed.port_or_known_default()) else {
            return Err(not_a_url());
        };
        let address = match host {
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
            Host::Domain(name) => is_local_name(name).then_some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        };
        let refused = match address {
            Some(ip) => self.permit(https, &host.to_string(), SocketAddr::new(ip, port)).err(),
            // A name may lead into an allowed network: that is seen when it is resolved.
            None if self.has_networks() || self.lists(&host.to_string(), port) => None,
            None if is_private_name(&host.to_string()) => Some(NotAllowed::Private),
            None if https => None,
            None => Some(NotAllowed::PlainHttp),
        };
        match refused {
            None => Ok(()),
            Some(why) => Err(Invalid(format!(
                "{why}: the operator can list `{}` in CLAWPLANE_UPSTREAM_ALLOW",
                place(&host.to_string(), port)
            ))),
        }
    }

    /// Whether a connection to `address`, which `host` resolved to, may be made.
    pub(crate) fn permit(&self, https: bool, host: &str, address: SocketAddr) -> Result<(), NotAllowed> {
        let ip = address.ip().to_canonical();
        let in_network = self.0.iter().any(|entry| matches!(entry, Entry::Net(net) if net.contains(&ip)));
        if in_network || self.lists(host, address.port()) || self.lists(&ip.to_string(), address.port()) {
            return Ok(());
        }
        if !is_public(ip) {
            return Err(NotAllowed::Private);
        }
        if https { Ok(()) } else { Err(NotAllowed::PlainHttp) }
    }

    fn lists(&self, host: &str, port: u16) -> bool {
        let host = bare(host);
        self.0.iter().any(|entry| match entry {
            Entry::Place { host: listed, port: at } => *at == port && listed.eq_ignore_ascii_case(host),
            Entry::Net(_) => false,
        })
    }

    fn has_networks(&self) -> bool {
        self.0.iter().any(|entry| matches!(entry, Entry::Net(_)))
    }
}

impl FromStr for UpstreamAllow {
    type Err = Invalid;
    /// Entries separated by commas or blanks; nothing at all is the empty list.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut allow = Self::default();
        for entry in text.split([',', ' ', '\n', '\t']).filter(|entry| !entry.trim().is_empty()) {
            allow.add(entry)?;
        }
        Ok(allow)
    }
}

fn parse(entry: &str) -> Result<Entry, Invalid> {
    let wrong = |why: &str| Invalid(format!("`{entry}` {why}"));
    if entry.contains("://") {
        return Err(wrong("must be `host:port` or a CIDR, without `http://`"));
    }
    if entry.contains('/') {
        let net: IpNet = entry.parse().map_err(|_| wrong("is not a CIDR such as `10.1.0.0/16`"))?;
        return Ok(Entry::Net(net));
    }
    let (host, port) =
        entry.rsplit_once(':').ok_or_else(|| wrong("must be `host:port` or a CIDR: the port is missing"))?;
    let port = port
        .parse()
        .ok()
        .filter(|port| *port != 0)
        .ok_or_else(|| wrong("must end in a port from 1 to 65535"))?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.contains(':') && !bracketed {
        return Err(wrong("must have its IPv6 address in brackets, as in `[::1]:8000`"));
    }
    let host = bare(host);
    if host.is_empty() || Host::parse(&if bracketed { format!("[{host}]") } else { host.to_owned() }).is_err()
    {
        return Err(wrong("must name a host before the port"));
    }
    Ok(Entry::Place { host: host.to_ascii_lowercase(), port })
}

/// A host without brackets and without the root's dot.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.')
}

fn place(host: &str, port: u16) -> String {
    format!("{host}:{port}")
}

/// Names that nobody finds on the internet: of one label, and of domains for private use (RFC 6762, 8375, ICANN's
/// `.internal`, where a cloud has its metadata).
fn is_private_name(name: &str) -> bool {
    let name = bare(name).to_ascii_lowercase();
    let private = [".internal", ".local", ".localdomain", ".lan", ".home.arpa"];
    !name.contains('.') || private.iter().any(|end| name.ends_with(end))
}

/// Names that mean this machine everywhere (RFC 6761).
fn is_local_name(name: &str) -> bool {
    let name = bare(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests;
