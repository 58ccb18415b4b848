//! Headers on their way: everything passes but what belongs to one connection, and what is the proxy's own.

use crate::vendors::Format;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Headers of one hop (RFC 9110, section 7.6.1), beside those that `connection` names. `trailer` is none of them: trailers
/// are passed on.
const HOP_BY_HOP: [HeaderName; 5] =
    [header::CONNECTION, header::TE, header::TRANSFER_ENCODING, header::UPGRADE, header::PROXY_AUTHENTICATE];
const HOP_BY_HOP_OLD: [&str; 2] = ["keep-alive", "proxy-connection"];

/// What a request says of itself, whoever answers it.
const FOR_ANYBODY: [&str; 6] = ["accept", "content-type", "te", "traceparent", "tracestate", "user-agent"];

/// Who answered, where it is not the vendor that was asked.
pub(crate) const VENDOR: HeaderName = HeaderName::from_static("x-clawplane-vendor");

/// The proxy's id of a request, on every answer.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-clawplane-request-id");

/// Removes what belongs to the connection that the message came over.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    for name in HOP_BY_HOP_OLD {
        headers.remove(name);
    }
}

/// Makes a client's headers fit for the vendor: its connection's and its host are gone, and the answer is asked for
/// without compression, because usage could not be read in it.
pub(crate) fn to_upstream(headers: &mut HeaderMap) {
    let trailers = wants_trailers(headers);
    strip_hop_by_hop(headers);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    // Host and length are those of the new request; the body is sent without waiting for a 100.
    for name in [header::HOST, header::CONTENT_LENGTH, header::EXPECT] {
        headers.remove(name);
    }
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

/// Leaves what a client's headers say to any vendor: neither an account's organisation, project or cookie nor anything else that
/// was meant for the one that it asked goes to another one.
pub(crate) fn for_a_stand_in(headers: &mut HeaderMap, format: Format) {
    let of_format: &[&str] = match format {
        Format::Anthropic => &["anthropic-version", "anthropic-beta"],
        _ => &[],
    };
    let mut kept = HeaderMap::new();
    for name in FOR_ANYBODY.iter().chain(of_format) {
        for value in headers.get_all(*name) {
            kept.append(HeaderName::from_static(name), value.clone());
        }
    }
    *headers = kept;
}

/// Whether the client takes trailers; the proxy does then, too.
fn wants_trailers(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::TE).iter().filter_map(|value| value.to_str().ok());
    codings.flat_map(|value| value.split(',')).any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

#[cfg(test)]
mod tests;
