//! Whose page made a browser send a request: cookies go along whoever it was.
//!
//! Bots' hosts are neighbours on one site, so `SameSite` does not keep a hostile bot's page from another bot: the
//! headers that browsers set and pages cannot change do (Fetch Metadata; RFC 6455, section 10.2).

use super::target::{Checked, Mode, Target};
use crate::problem::{Kind, Problem};
use axum::{
    extract::Request,
    http::{HeaderMap, header},
};

/// What the platform's own origin must not be given by a bot, whatever asks for it: it would run or be applied there.
const NOT_BELOW_PATH: &[&str] = &[
    "audioworklet",
    "embed",
    "fencedframe",
    "frame",
    "iframe",
    "manifest",
    "object",
    "paintworklet",
    "script",
    "serviceworker",
    "sharedworker",
    "style",
    "worker",
    "xslt",
];

/// Refuses what another page made the browser send.
pub(super) fn check(target: &Target<Checked>, request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let site = text(headers, "sec-fetch-site");
    let origin = text(headers, header::ORIGIN.as_str());
    let own = origin.is_none_or(|origin| is_own(&target.mode, origin));
    if !own || site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(foreign("another page made the browser send this"));
    }
    // Every browser says where a WebSocket or a change comes from; what does not is none, and can send a token.
    let changes = !request.method().is_safe();
    if origin.is_none() && (is_websocket(headers) || (changes && site != Some("same-origin"))) {
        return Err(foreign("the request does not say which page sent it"));
    }
    let dest = text(headers, "sec-fetch-dest").unwrap_or_default();
    if matches!(target.mode, Mode::Path { .. }) && NOT_BELOW_PATH.contains(&dest) {
        return Err(foreign("a bot's scripts, styles and frames are not for the platform's own pages"));
    }
    Ok(())
}

/// Whether a request asks for a WebSocket.
pub(super) fn is_websocket(headers: &HeaderMap) -> bool {
    text(headers, header::UPGRADE.as_str()).is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"))
}

fn is_own(mode: &Mode, origin: &str) -> bool {
    match mode {
        Mode::Host { origin: own, .. } => origin == own,
        Mode::Path { host } => {
            let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            authority.is_some_and(|authority| !host.is_empty() && authority.eq_ignore_ascii_case(host))
        }
    }
}

fn foreign(detail: &str) -> Problem {
    Problem::new(Kind::Forbidden, detail)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}
