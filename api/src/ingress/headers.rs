//! What passes between a client and a bot, and what stays on either side.

use super::target::{Checked, Mode, Target};
use crate::access::SOCKET_TOKEN;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use clawplane_domain::Secret;
use std::net::IpAddr;

/// About one connection, not about the message (RFC 9110, section 7.6.1).
const HOP: &[&str] =
    &["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// A client's own that a bot must not see, or must not believe: credentials, and who others say that the client is.
/// OpenClaw refuses requests with `x-forwarded-*` of a proxy that it was not told of, and one that it was told of
/// could no longer be reached without; so it hears of the client by `x-clawplane-*`.
const NOT_FOR_BOTS: &[&str] = &[
    "authorization",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "max-forwards",
    "origin",
    "referer",
    "via",
    "x-api-key",
    "x-real-ip",
];
const NOT_FOR_BOTS_PREFIXES: &[&str] =
    &["proxy-", "tailscale-", "x-clawplane-", "x-forwarded-", "cf-access-"];

/// A bot's that a browser must not take from it: they are about the whole host or its neighbours, ask for credentials, or
/// let other pages in.
const NOT_FOR_CLIENTS: &[&str] = &[
    "alt-svc",
    "clear-site-data",
    "nel",
    "origin-agent-cluster",
    "public-key-pins",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "service-worker-allowed",
    "set-cookie",
    "set-cookie2",
    "sourcemap",
    "strict-transport-security",
    "supports-loading-mode",
    "speculation-rules",
    "www-authenticate",
    "x-request-id",
];
const NOT_FOR_CLIENTS_PREFIXES: &[&str] = &["access-control-", "proxy-", "x-clawplane-"];

/// For what a bot sends below `/bots/`: a page is nobody there, and its scripts do not run.
const SANDBOX: HeaderValue = HeaderValue::from_static(
    "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// Who is served, as the bot may know it.
pub(super) struct Client {
    pub(super) user: String,
    pub(super) address: Option<IpAddr>,
}

/// The headers of a request for the bot, whose own address it knows is `own`.
pub(super) fn for_bot(from: &HeaderMap, own: &str, token: &Secret, client: &Client) -> HeaderMap {
    let mut to = HeaderMap::with_capacity(from.len() + 4);
    let named = named_by_connection(from);
    for (name, value) in from {
        let text = name.as_str();
        let stays = HOP.contains(&text)
            || NOT_FOR_BOTS.contains(&text)
            || NOT_FOR_BOTS_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
            || named.iter().any(|named| named == text);
        if stays {
            continue;
        }
        if *name == header::SEC_WEBSOCKET_PROTOCOL {
            to.extend(protocols(value).map(|value| (name.clone(), value)));
            continue;
        }
        to.append(name, value.clone());
    }
    let mut set = |name: HeaderName, text: &str, secret: bool| {
        if let Ok(mut value) = HeaderValue::from_str(text) {
            value.set_sensitive(secret);
            to.insert(name, value);
        }
    };
    set(header::HOST, own, false);
    // It was checked before; the bot lets in the origin that it has on its own host.
    if from.contains_key(header::ORIGIN) {
        set(header::ORIGIN, &format!("http://{own}"), false);
    }
    set(header::AUTHORIZATION, &format!("Bearer {}", token.expose()), true);
    set(header::VIA, "1.1 clawplane", false);
    set(HeaderName::from_static("x-clawplane-user"), &client.user, false);
    if let Some(address) = client.address {
        set(HeaderName::from_static("x-clawplane-client"), &address.to_canonical().to_string(), false);
    }
    to
}

/// The protocols that a client offers, without an access token among them.
fn protocols(value: &HeaderValue) -> Option<HeaderValue> {
    let offered = value.to_str().ok()?.split(',').map(str::trim);
    let left: Vec<_> = offered.filter(|one| !one.starts_with(SOCKET_TOKEN)).collect();
    HeaderValue::from_str(&left.join(", ")).ok().filter(|value| !value.is_empty())
}

/// The headers of an answer for the client.
pub(super) fn for_client(from: &HeaderMap, target: &Target<Checked>, own: &str) -> HeaderMap {
    let mut to = HeaderMap::with_capacity(from.len() + 4);
    let named = named_by_connection(from);
    for (name, value) in from {
        let text = name.as_str();
        let stays = HOP.contains(&text)
            || NOT_FOR_CLIENTS.contains(&text)
            || NOT_FOR_CLIENTS_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
            || named.iter().any(|named| named == text);
        if stays {
            continue;
        }
        if *name == header::LOCATION || *name == header::CONTENT_LOCATION {
            to.extend(located(value, target, own).map(|value| (name.clone(), value)));
            continue;
        }
        to.append(name, value.clone());
    }
    to.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    to.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    if matches!(target.mode, Mode::Path { .. }) {
        to.remove(header::LINK);
        to.remove("permissions-policy");
        to.remove("content-security-policy-report-only");
        to.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
        to.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
        to.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    to
}

/// Headers that `connection` names as its own.
fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

/// Where a bot's answer leads, as its client has to write it.
fn located(value: &HeaderValue, target: &Target<Checked>, own: &str) -> Option<HeaderValue> {
    let text = value.to_str().ok()?;
    let text = text
        .strip_prefix(&format!("http://{own}"))
        .map_or(text, |rest| if rest.is_empty() { "/" } else { rest });
    let of_bot = text.starts_with('/') && !text.starts_with("//") && !text.starts_with("/\\");
    match (&target.mode, of_bot) {
        (Mode::Path { .. }, true) => HeaderValue::from_str(&format!("/bots/{}{text}", target.hostname)).ok(),
        _ => HeaderValue::from_str(text).ok(),
    }
}

#[cfg(test)]
mod tests;
