//! From a row, a key and a path to a destination: URL, header for the key, wire format.
//!
//! The vendors' exceptions live here as small rules on the path.

use super::{Auth, Family, Format, StreamOptions, Vendor, of_api_type};
use clawplane_domain::provider_key::ApiType;
use http::{
    Uri,
    uri::{Authority, PathAndQuery, Scheme},
};

/// A base URL in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    /// Without a slash at its end; empty for none.
    pub(crate) prefix: String,
}

impl Endpoint {
    /// `None` for what is not an absolute URL.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let parts = url.parse::<Uri>().ok()?.into_parts();
        let prefix = parts.path_and_query.map(|path| path.path().trim_end_matches('/').to_owned());
        Some(Self { scheme: parts.scheme?, authority: parts.authority?, prefix: prefix.unwrap_or_default() })
    }
}

/// What a path means to a vendor, before it is known where that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) format: Format,
    pub(crate) auth: Auth,
    pub(crate) stream_options: StreamOptions,
    /// Another host than the row's, when the key names none.
    base: Option<&'static str>,
    /// Put before the path, unless the base URL or the path carries a version already.
    insert: &'static str,
}

/// Why there is no destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoDestination {
    #[error("the path must not have `.` or `..` as a segment")]
    DotSegment,
    #[error("the provider key has no base URL, and the vendor has none of its own")]
    NoBaseUrl,
    #[error("the path is not one")]
    BadPath,
}

/// What `path` (without a leading slash) means to `vendor`, or to a key that says its own format.
pub(crate) fn resolve(vendor: &Vendor, api_type: Option<ApiType>, path: &str) -> Route {
    let (family, auth) = api_type.map_or((vendor.family, vendor.auth), of_api_type);
    let chat = path.ends_with("chat/completions");
    let mut route =
        Route { format: Format::OpenAi, auth, stream_options: vendor.stream_options, base: None, insert: "" };
    match family {
        Family::OpenAi => {
            if path.split('/').any(|segment| segment == "responses") {
                route.format = Format::OpenAiResponses;
            }
        }
        // Anthropic and Google take the OpenAI format beside their own, with a bearer key.
        Family::Anthropic => {
            route.insert = "v1/";
            if chat {
                route.auth = Auth::Bearer;
            } else {
                route.format = Format::Anthropic;
            }
        }
        Family::Gemini => {
            route.insert = if path.starts_with("upload/") { "" } else { "v1beta/" };
            if path.split('/').any(|segment| segment == "openai") {
                route.auth = Auth::Bearer;
            } else {
                route.format = Format::Gemini;
            }
        }
        Family::Cohere => {
            if path.starts_with("compatibility/") {
                route.base = Some("https://api.cohere.ai");
            } else if chat || path == "embeddings" {
                route.base = Some("https://api.cohere.ai/compatibility/v1");
            } else {
                route.format = Format::Cohere;
            }
        }
        Family::Ollama => {
            if path.starts_with("api/") {
                route.format = Format::Ollama;
            } else {
                route.insert = "v1/";
            }
        }
    }
    route
}

/// The URL of a request. `query` goes along byte for byte.
pub(crate) fn destination(
    vendor: &Vendor,
    route: &Route,
    key: Option<&Endpoint>,
    path: &str,
    query: Option<&str>,
) -> Result<Uri, NoDestination> {
    if path.split('/').any(is_dots) {
        return Err(NoDestination::DotSegment);
    }
    let own = if key.is_some() { None } else { route.base.or(vendor.base_url).and_then(Endpoint::parse) };
    let endpoint = key.or(own.as_ref()).ok_or(NoDestination::NoBaseUrl)?;
    let (mut prefix, first) = (endpoint.prefix.as_str(), path.split('/').next().unwrap_or_default());
    let mut insert = route.insert;
    if let Some((parent, last)) = prefix.rsplit_once('/')
        && is_version(last)
    {
        insert = "";
        // A version in the path wins over the one of the base URL.
        if is_version(first) {
            prefix = parent;
        }
    }
    if is_version(first) {
        insert = "";
    }
    // Azure's base URL is given with and without it.
    let path = match path.strip_prefix("openai/v1/") {
        Some(rest) if prefix.ends_with("/openai/v1") => rest,
        _ => path,
    };
    let mut target = String::with_capacity(prefix.len() + path.len() + query.map_or(0, str::len) + 10);
    for part in [prefix, "/", insert, path] {
        target.push_str(part);
    }
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(endpoint.scheme.clone());
    parts.authority = Some(endpoint.authority.clone());
    parts.path_and_query = Some(PathAndQuery::try_from(target).map_err(|_| NoDestination::BadPath)?);
    Uri::from_parts(parts).map_err(|_| NoDestination::BadPath)
}

/// `v1`, `v1beta`, `v4`, ...
fn is_version(segment: &str) -> bool {
    let mut bytes = segment.bytes();
    bytes.next() == Some(b'v')
        && bytes.next().is_some_and(|b| b.is_ascii_digit())
        && bytes.all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
}

/// `.` and `..`, also percent-encoded: they would leave the base URL's path.
fn is_dots(segment: &str) -> bool {
    if segment.len() > 6 {
        return false;
    }
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}
