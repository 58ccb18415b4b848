//! Which bot a request is for, and by which of the two ways it came.

use crate::problem::Problem;
use axum::{extract::Request, http::header};
use clawplane_domain::values::Hostname;
use std::str::FromStr;
use url::Url;

/// Where the bots' own hosts are: `https://bots.example.com` makes `https://scout.bots.example.com` the bot `scout`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressDomain {
    tls: bool,
    /// In lower case, without a dot at either end.
    domain: String,
    /// Where it is not the scheme's own.
    port: Option<u16>,
}

/// What cannot be a domain for bots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a domain such as `bots.example.com`, or `http://localhost:8080` with scheme and port")]
pub struct NotADomain;

impl FromStr for IngressDomain {
    type Err = NotADomain;
    fn from_str(text: &str) -> Result<Self, NotADomain> {
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url = Url::parse(&with_scheme).map_err(|_| NotADomain)?;
        let plain = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        let Some(url::Host::Domain(domain)) = url.host() else { return Err(NotADomain) };
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        if !matches!(url.scheme(), "http" | "https") || !plain || !nobody || domain.is_empty() {
            return Err(NotADomain);
        }
        Ok(Self { tls: url.scheme() == "https", domain, port: url.port() })
    }
}

impl IngressDomain {
    /// The origin of a bot, as a browser writes it.
    pub(crate) fn origin(&self, hostname: &Hostname) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}://{hostname}.{}{port}", self.domain)
    }

    /// What stands before the domain in a host, if that is below it.
    fn below<'a>(&self, host: &'a str) -> Option<&'a str> {
        let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        let name = name.map_or(host, |(name, _)| name).trim_end_matches('.');
        let end = name.len().checked_sub(self.domain.len())?;
        let (before, domain) = (name.get(..end)?, name.get(end..)?);
        before.strip_suffix('.').filter(|_| domain.eq_ignore_ascii_case(&self.domain))
    }
}

/// The two ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// By the bot's own host name.
    Host {
        /// The bot's origin.
        origin: String,
        /// Browsers come by TLS.
        tls: bool,
    },
    /// Below `/bots/` on the platform's own host, which is this.
    Path {
        /// As the client wrote it.
        host: String,
    },
}

/// A name that was checked.
pub(super) type Checked = Hostname;

/// The bot that a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target<N = String> {
    pub(super) hostname: N,
    pub(super) mode: Mode,
    /// The path on the bot.
    pub(super) path: String,
}

impl Target {
    /// `None` for what is the API's.
    pub(super) fn of(domain: Option<&IngressDomain>, request: &Request) -> Option<Self> {
        let uri = request.uri();
        let named = || request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = uri.authority().map(axum::http::uri::Authority::as_str).or_else(named).unwrap_or_default();
        if let Some((domain, name)) = domain.and_then(|domain| Some((domain, domain.below(host)?))) {
            let hostname = name.to_ascii_lowercase();
            let origin = hostname.parse().map(|name| domain.origin(&name)).unwrap_or_default();
            let mode = Mode::Host { origin, tls: domain.tls };
            return Some(Self { hostname, mode, path: uri.path().to_owned() });
        }
        let rest = uri.path().strip_prefix("/bots/")?;
        let (hostname, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let mode = Mode::Path { host: host.to_owned() };
        Some(Self { hostname: hostname.to_owned(), mode, path: path.to_owned() })
    }

    /// A name that no bot can have is a bot that is not there.
    pub(super) fn checked(self) -> Result<Target<Checked>, Problem> {
        let hostname = self.hostname.parse().map_err(|_| Problem::not_found("bot"))?;
        Ok(Target { hostname, mode: self.mode, path: self.path })
    }
}

impl<N> Target<N> {
    /// `/bots/scout`: below it, links of the bot's pages would lead to its neighbours.
    pub(super) fn wants_slash(&self) -> bool {
        self.path.is_empty()
    }
}

#[cfg(test)]
mod tests;
