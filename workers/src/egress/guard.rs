//! Which places on the web a bot may be connected with, whatever its list says, and the connection itself.
//!
//! Names are resolved here and the very addresses that were looked at are connected with: what a name says the next
//! time does not matter.

use async_trait::async_trait;
use clawplane_domain::{address::is_public, bot::EgressRule, values::Invalid};
use ipnet::IpNet;
use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, UdpSocket},
    str::FromStr,
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};

/// Longest wait for a name.
const RESOLVE: Duration = Duration::from_secs(5);
/// Longest wait for all addresses of a name together.
const CONNECT: Duration = Duration::from_secs(10);
/// Addresses of one name that are tried.
const ADDRESSES: usize = 8;

/// Why a bot is not connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Its list does not have the place.
    #[error("not on the bot's egress list")]
    NotAllowed,
    /// The place is in a private network.
    #[error("at a private address")]
    Private,
    /// The place is this host, or the platform's database or NATS.
    #[error("one of the platform's own")]
    Own,
    /// Nobody knows the name.
    #[error("not to be found")]
    Unresolved,
    /// It does not accept.
    #[error("not to be reached")]
    Unreachable,
}

impl Denied {
    /// Stable, for metrics and events.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAllowed => "not_allowed",
            Self::Private => "private_address",
            Self::Own => "own_address",
            Self::Unresolved => "unresolved",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether it was refused, and not just tried in vain.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::NotAllowed | Self::Private | Self::Own)
    }
}

/// What the operator says of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    private: Vec<Private>,
    never: Vec<(String, u16)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Private {
    Net(IpNet),
    Place(SocketAddr),
}

impl Places {
    /// Nobody ever gets there: the platform's database, its NATS.
    pub fn never(&mut self, host: &str, port: u16) {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        self.never.push((host.to_owned(), port));
    }

    /// Whether a private or own address may be reached by bots whose lists name it.
    fn admits(&self, address: SocketAddr) -> bool {
        self.private.iter().any(|place| match place {
            Private::Net(net) => net.contains(&address.ip()),
            Private::Place(place) => *place == address,
        })
    }
}

/// Entries with commas or blanks between them: `address:port` or a CIDR that bots may reach although it is private.
impl FromStr for Places {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut places = Self::default();
        for entry in text.split([',', ' ', '\n', '\t']).filter(|entry| !entry.is_empty()) {
            let net = || entry.parse::<IpNet>().map(Private::Net).ok();
            let place = entry.parse::<SocketAddr>().map(Private::Place).ok().or_else(net);
            places.private.push(place.ok_or_else(|| {
                Invalid(format!("`{entry}` must be `address:port` or a CIDR such as `10.1.0.0/16`"))
            })?);
        }
        Ok(places)
    }
}

/// Asks for the addresses of a name.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// All of them.
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// As this machine resolves names.
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Connects bots with places.
pub struct Guard {
    places: Places,
    resolver: Arc<dyn Resolve>,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("places", &self.places).finish_non_exhaustive()
    }
}

impl Guard {
    /// Goes by what the operator says.
    pub fn new(places: Places, resolver: Arc<dyn Resolve>) -> Self {
        Self { places, resolver }
    }

    /// Connects with a place that `rules` allow.
    pub async fn connect(&self, rules: &[EgressRule], host: &str, port: u16) -> Result<TcpStream, Denied> {
        if !rules.iter().any(|rule| rule.allows(host, port)) {
            return Err(Denied::NotAllowed);
        }
        let found = self.resolve(host).await.ok_or(Denied::Unresolved)?;
        let never = self.never(port).await;
        let mut denied = Denied::Unresolved;
        let mut good = Vec::new();
        for ip in found.into_iter().take(ADDRESSES) {
            let address = SocketAddr::new(ip.to_canonical(), port);
            match self.check(address, &never) {
                Ok(()) => good.push(address),
                Err(why) => denied = why,
            }
        }
        if good.is_empty() {
            return Err(denied);
        }
        let connected = timeout(CONNECT, TcpStream::connect(good.as_slice())).await;
        let stream = connected.ok().and_then(Result::ok).ok_or(Denied::Unreachable)?;
        stream.set_nodelay(true).map_err(|_| Denied::Unreachable)?;
        Ok(stream)
    }

    async fn resolve(&self, host: &str) -> Option<Vec<IpAddr>> {
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if let Ok(ip) = host.parse() {
            return Some(vec![ip]);
        }
        timeout(RESOLVE, self.resolver.addresses(host)).await.ok()?.ok()
    }

    /// The addresses at which nobody may reach this port.
    async fn never(&self, port: u16) -> Vec<IpAddr> {
        let mut never = Vec::new();
        for (host, _) in self.places.never.iter().filter(|(_, closed)| *closed == port) {
            never.extend(self.resolve(host).await.unwrap_or_default().iter().map(IpAddr::to_canonical));
        }
        never
    }

    fn check(&self, address: SocketAddr, never: &[IpAddr]) -> Result<(), Denied> {
        if never.contains(&address.ip()) {
            return Err(Denied::Own);
        }
        if self.places.admits(address) {
            return Ok(());
        }
        if !is_public(address.ip()) {
            return Err(Denied::Private);
        }
        // An address that can be bound is one of this machine's, at this moment.
        if UdpSocket::bind((address.ip(), 0)).is_ok() {
            return Err(Denied::Own);
        }
        Ok(())
    }
}
