//! Where a bot may go on the web: a list of destinations, empty at first, which is nowhere.
//!
//! It is about names and ports as the bot asks for them. What a name leads to is looked at when a connection is made.

use super::BotRefusal;
use crate::values::Invalid;
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, str::FromStr};

/// Most destinations of one bot.
pub const MAX_EGRESS: usize = 64;
/// Longest destination as it is written; a DNS name has at most 253 characters (RFC 1035).
const LONGEST: usize = 270;

/// `host:port`: a DNS name, a name with `*.` before it for every name below (and not itself), an IPv4 address, or an
/// IPv6 address in brackets; a port, or `*` for each.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EgressRule {
    host: Host,
    port: Option<u16>,
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Host {
    Name(String),
    Below(String),
    Address(IpAddr),
}

impl EgressRule {
    /// Whether this is a way to `host`, as a client spells it, at `port`.
    pub fn allows(&self, host: &str, port: u16) -> bool {
        if self.port.is_some_and(|own| own != port) {
            return false;
        }
        let host = bare(host);
        match &self.host {
            Host::Address(address) => {
                host.parse::<IpAddr>().is_ok_and(|asked| asked.to_canonical() == *address)
            }
            Host::Name(name) => name.eq_ignore_ascii_case(host),
            // The label before the dot has to be there: `*.example.com` is not `.example.com`.
            Host::Below(name) => host.len().checked_sub(name.len() + 1).is_some_and(|dot| {
                dot > 0
                    && host.as_bytes().get(dot) == Some(&b'.')
                    && host.get(dot + 1..).is_some_and(|end| end.eq_ignore_ascii_case(name))
            }),
        }
    }
}

/// Without brackets, and without the root's dot.
fn bare(host: &str) -> &str {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    inner.strip_suffix('.').unwrap_or(inner)
}

impl FromStr for EgressRule {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let wrong = |message: &str| Invalid(message.to_owned());
        if text.len() > LONGEST {
            return Err(wrong("is too long"));
        }
        let (host, port) =
            text.rsplit_once(':').ok_or_else(|| wrong("must be `host:port`: the port is missing"))?;
        let port = match port {
            "*" => None,
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => Some(
                digits
                    .parse()
                    .ok()
                    .filter(|port: &u16| *port != 0)
                    .ok_or_else(|| wrong("must end in a port from 1 to 65535"))?,
            ),
            _ => return Err(wrong("must end in a port from 1 to 65535, or `*`")),
        };
        let host = host.to_ascii_lowercase();
        let host = if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let v6 = inner
                .parse::<std::net::Ipv6Addr>()
                .map_err(|_| wrong("must have an IPv6 address in its brackets"))?;
            Host::Address(IpAddr::V6(v6).to_canonical())
        } else if let Ok(v4) = host.parse::<std::net::Ipv4Addr>() {
            Host::Address(IpAddr::V4(v4))
        } else if let Some(name) = host.strip_prefix("*.") {
            // Everything below a top-level domain is nearly everything there is.
            if !name.contains('.') {
                return Err(wrong("must name at least two labels behind `*.`"));
            }
            Host::Below(dns_name(name)?)
        } else {
            Host::Name(dns_name(&host)?)
        };
        Ok(Self { host, port })
    }
}

/// A name of letters, digits, hyphens and underscores that no client takes for an address.
fn dns_name(text: &str) -> Result<String, Invalid> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let text = text.strip_suffix('.').unwrap_or(text);
    // A last label of digits, or `0x...`, is an address to the WHATWG's parser (`127.1`, `0x7f000001`).
    let last = text.rsplit('.').next().unwrap_or_default();
    let number = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    if text.len() > 253 || !text.split('.').all(label) || number {
        return Err(Invalid("must name a host: a DNS name, `*.` and a DNS name, or an address".to_owned()));
    }
    Ok(text.to_owned())
}

impl TryFrom<String> for EgressRule {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<EgressRule> for String {
    fn from(rule: EgressRule) -> Self {
        rule.to_string()
    }
}

impl fmt::Display for EgressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => write!(f, "{name}:")?,
            Host::Below(name) => write!(f, "*.{name}:")?,
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:")?,
            Host::Address(address) => write!(f, "{address}:")?,
        }
        match self.port {
            Some(port) => write!(f, "{port}"),
            None => f.write_str("*"),
        }
    }
}

impl fmt::Debug for EgressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EgressRule({self})")
    }
}

/// A destination that a bot asked for and did not get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedEgress {
    /// The host as the bot spelled it, cut to a sensible length.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Why not: `not_allowed`, `private_address`, `own_address`.
    pub why: String,
}

impl RefusedEgress {
    /// As it can be stored: the bot chose the text.
    pub(super) fn tidied(self) -> Self {
        let tidy = |text: String| text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        Self { host: tidy(self.host), why: tidy(self.why), ..self }
    }
}

/// Not too many, and each once.
pub(super) fn checked(mut allow: Vec<EgressRule>) -> Result<Vec<EgressRule>, BotRefusal> {
    if allow.len() > MAX_EGRESS {
        return Err(BotRefusal::TooMany { field: "allow", max: MAX_EGRESS });
    }
    let mut seen = std::collections::BTreeSet::new();
    allow.retain(|rule| seen.insert(rule.clone()));
    Ok(allow)
}

#[cfg(test)]
mod tests;
