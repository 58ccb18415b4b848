//! How the text of each setting is read. A message says what is wrong with the text and never quotes it:
//! whether it may be shown is for the caller to know.

use super::LogFormat;
use clawplane_api::IngressDomain;
use clawplane_domain::{Secret, values::Hostname};
use clawplane_proxy::{ExtraRoots, SpoolDurability};
use clawplane_workers::nats;
use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};
use url::Url;

/// Long enough for any deployment; a longer one is a slip of the unit.
const MAX_TTL_SECONDS: u64 = 10 * 366 * 24 * 3600;
const LEAST_SPOOL: u64 = 64 << 10;
/// The API's own limits, so that the first administrator can also sign in: characters, and bytes.
const SHORTEST_PASSWORD: usize = 8;
const LONGEST_PASSWORD: usize = 1024;

pub(super) fn checked<T: FromStr<Err = clawplane_domain::Invalid>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|invalid: clawplane_domain::Invalid| invalid.to_string())
}

/// The parsers' own messages are left out: they may quote a part of the URL.
pub(super) fn postgres_url(text: &str) -> Result<Secret, String> {
    let url = url::Url::parse(text).map_err(|_| "is not a URL")?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err("is not a postgres:// URL".to_owned());
    }
    sqlx::postgres::PgConnectOptions::from_str(text).map_err(|_| "is not a URL that Postgres understands")?;
    Ok(Secret::new(text.to_owned()))
}

pub(super) fn nats_url(text: &str) -> Result<Secret, String> {
    let url = Secret::new(text.to_owned());
    nats::url::connection(&url).map_err(|fault| fault.to_string())?;
    Ok(url)
}

/// An empty one is none: that is how the variable is switched off elsewhere.
pub(super) fn ingress_domain(text: &str) -> Result<IngressDomain, String> {
    text.parse().map_err(|error: clawplane_api::ingress::NotADomain| error.to_string())
}

pub(super) fn otlp_endpoint(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    match (url.scheme(), url.has_host()) {
        ("http" | "https", true) => Ok(url),
        _ => Err("is not http:// or https:// with a host".to_owned()),
    }
}

pub(super) fn port_start(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| (1024..=60000).contains(port));
    port.ok_or_else(|| "is not such a port".to_owned())
}

pub(super) fn ttl(text: &str) -> Result<Option<Duration>, String> {
    let seconds: u64 = text.parse().map_err(|_| "is not a number of seconds")?;
    match seconds {
        0 => Ok(None),
        1..=MAX_TTL_SECONDS => Ok(Some(Duration::from_secs(seconds))),
        _ => Err("is more than ten years".to_owned()),
    }
}

/// The file is read now, so that what is wrong with it is said at the start.
pub(super) fn extra_roots(path: &str) -> Result<ExtraRoots, String> {
    let text = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    ExtraRoots::from_pem(&text).map_err(|why| why.to_string())
}

pub(super) fn password(text: &str) -> Result<Secret, String> {
    let fits = text.chars().count() >= SHORTEST_PASSWORD && text.len() <= LONGEST_PASSWORD;
    fits.then(|| Secret::new(text.to_owned())).ok_or_else(|| "is too short or too long".to_owned())
}

pub(super) fn docker_host(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|_| "is not a URL")?;
    let usable = match url.scheme() {
        "unix" => url.path().len() > 1,
        "tcp" | "http" | "https" => url.has_host(),
        _ => false,
    };
    usable
        .then(|| text.to_owned())
        .ok_or_else(|| "is not an address of an engine that can be used".to_owned())
}

pub(super) fn host_names(text: &str) -> Result<BTreeSet<Hostname>, String> {
    text.split(',').map(|name| checked(name.trim())).collect()
}

/// As Amazon names them, and what others allow beside.
pub(super) fn bucket(text: &str) -> Result<String, String> {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    let fits = plain && (3..=63).contains(&text.len());
    fits.then(|| text.to_owned()).ok_or_else(|| "is not the name of a bucket".to_owned())
}

pub(super) fn object_prefix(text: &str) -> Result<String, String> {
    let text = text.trim_matches('/');
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/');
    let fits = text.len() <= 200
        && text.chars().all(plain)
        && text.split('/').all(|part| !matches!(part, "" | "." | ".."));
    (fits || text.is_empty()).then(|| text.to_owned()).ok_or_else(|| "is not a plain path".to_owned())
}

pub(super) fn s3_endpoint(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|_| "is not a URL")?;
    match (url.scheme(), url.has_host(), url.username()) {
        ("http" | "https", true, "") => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err("is not http:// or https:// with a host".to_owned()),
    }
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    tracing_subscriber::EnvFilter::try_new(text).map_err(|_| "is not a log filter")?;
    Ok(text.to_owned())
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("is not a format".to_owned()),
    }
}

pub(super) fn spool_durability(text: &str) -> Result<SpoolDurability, String> {
    match text {
        "process" => Ok(SpoolDurability::Process),
        "disk" => Ok(SpoolDurability::Disk),
        _ => Err("is not a durability".to_owned()),
    }
}

/// Below the least, a few requests in flight would fill it.
pub(super) fn spool_bytes(text: &str) -> Result<u64, String> {
    let bytes = text.parse().ok().filter(|bytes| *bytes >= LEAST_SPOOL);
    bytes.ok_or_else(|| "is not such a number".to_owned())
}

pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "is not an IP address with a port".to_owned())
}

/// Absolute, as containers and children do not share our working directory.
pub(super) fn directory(text: &str) -> Result<PathBuf, String> {
    let path = std::path::absolute(text).map_err(|error| format!("is not a path: {error}"))?;
    if path.exists() && !path.is_dir() {
        return Err("is not a directory".to_owned());
    }
    Ok(path)
}
