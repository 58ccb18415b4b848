//! The proxy's configuration, as plain values: only the composition reads files and environment.

use crate::{UpstreamAllow, observe::Observer};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// How long each part of a request may take. Each has an error code of its own.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Name, TCP and TLS (`upstream_connect_timeout`).
    pub connect: Duration,
    /// All of the client's body, where it is read before it goes on (`request_timeout`).
    pub body: Duration,
    /// From the request's way up to the answer's head (`upstream_first_byte_timeout`).
    pub first_byte: Duration,
    /// Between two pieces of the answer (`upstream_idle_timeout`).
    pub idle: Duration,
    /// How long a client may take none of an answer that is there, before its connection is cut.
    pub stall: Duration,
    /// All of it (`upstream_total_timeout`).
    pub total: Duration,
}

impl Default for Timeouts {
    /// Reasoning models are silent for minutes, so only the connection has a short limit.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            body: Duration::from_mins(2),
            first_byte: Duration::from_mins(5),
            idle: Duration::from_mins(5),
            stall: Duration::from_mins(1),
            total: Duration::from_mins(30),
        }
    }
}

/// What a request's record survives from the moment that the request goes upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpoolDurability {
    /// The end of the process, however it ends: the kernel has the record, and syncs follow a few milliseconds behind.
    #[default]
    Process,
    /// The loss of power: each request waits for a sync, which it shares with all that wait.
    Disk,
}

/// Certificates of authorities of the operator's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraRoots(pub(crate) Vec<CertificateDer<'static>>);

/// Why a text gives no roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoots {
    /// Something in it is no PEM.
    #[error("is not PEM")]
    Pem,
    /// There is no certificate in it.
    #[error("has no certificate in it")]
    Empty,
    /// A certificate in it cannot be an authority's.
    #[error("has a certificate in it that is none of an authority")]
    Certificate,
}

impl ExtraRoots {
    /// Every certificate of a PEM text; other things in it, such as comments, are passed over.
    pub fn from_pem(text: &[u8]) -> Result<Self, NoRoots> {
        let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
        let roots = roots.map_err(|_| NoRoots::Pem)?;
        let mut store = rustls::RootCertStore::empty();
        if roots.iter().any(|root| store.add(root.clone()).is_err()) {
            return Err(NoRoots::Certificate);
        }
        if roots.is_empty() { Err(NoRoots::Empty) } else { Ok(Self(roots)) }
    }
}

/// How long a provider key is left alone after a failure.
#[derive(Clone, Copy, Debug)]
pub struct Cooldowns {
    /// After the first 5xx, time-out or failed connection; doubled by each one that follows.
    pub base: Duration,
    /// After the first 429 that does not say how long; doubled by each one that follows.
    pub rate_limited: Duration,
    /// The longest that doubling leads to.
    pub max: Duration,
    /// The longest `retry-after` that is believed.
    pub retry_after_max: Duration,
    /// After 402 and its like: somebody has to pay first.
    pub exhausted: Duration,
    /// How long the one request that tries a key again may wait for its answer until the next one tries too.
    pub probation: Duration,
}

impl Default for Cooldowns {
    /// Short at first, since a tenant may have one key only, and a vendor's hiccup is over in a moment.
    fn default() -> Self {
        Self {
            base: Duration::from_secs(1),
            rate_limited: Duration::from_secs(5),
            max: Duration::from_mins(5),
            retry_after_max: Duration::from_hours(1),
            exhausted: Duration::from_hours(1),
            probation: Duration::from_secs(30),
        }
    }
}

/// The proxy's configuration.
#[derive(Clone, Debug)]
pub struct ProxyConfig {
    /// Where usage that is not yet in Postgres is kept. One process at a time.
    pub spool_dir: PathBuf,
    /// A spool file of more bytes than this is followed by the next one.
    pub spool_segment_bytes: u64,
    /// With more bytes than this in the spool, requests are refused rather than not metered.
    pub spool_max_bytes: u64,
    /// What the spool survives.
    pub spool_durability: SpoolDurability,
    /// Private places that vendors may be at.
    pub upstream_allow: UpstreamAllow,
    /// Roots that vendors' certificates may come from, beside the system's.
    pub extra_roots: ExtraRoots,
    /// Time limits of a request.
    pub timeouts: Timeouts,
    /// How long keys that fail are left alone.
    pub cooldowns: Cooldowns,
    /// With how many keys a request is tried at most, before the first byte of its answer.
    pub max_tries: u32,
    /// Largest request body, in bytes.
    pub max_body: u64,
    /// Most bytes of all request bodies that are held in memory at once.
    pub max_buffered: u64,
    /// Most connections that the proxy's own listener serves at once.
    pub max_connections: usize,
    /// How long requests in flight may go on after the shutdown signal.
    pub drain: Duration,
    /// Hears of every request that has ended.
    pub observer: Option<Arc<dyn Observer>>,
}

impl ProxyConfig {
    /// The defaults, with the spool in `spool_dir`.
    pub fn new(spool_dir: impl Into<PathBuf>) -> Self {
        Self {
            spool_dir: spool_dir.into(),
            spool_segment_bytes: 64 << 20,
            spool_max_bytes: 8 << 30,
            spool_durability: SpoolDurability::default(),
            upstream_allow: UpstreamAllow::default(),
            extra_roots: ExtraRoots::default(),
            timeouts: Timeouts::default(),
            cooldowns: Cooldowns::default(),
            max_tries: 3,
            max_body: 50 << 20,
            max_buffered: 1 << 30,
            max_connections: 16_384,
            drain: Duration::from_millis(2500),
            observer: None,
        }
    }
}
