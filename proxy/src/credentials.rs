//! Tokens in, keys out: where a bot's gateway token may stand, and how a vendor wants to see its key.
//!
//! SDKs send their key in their vendor's own place, so a token is taken from any of these for any vendor. All of
//! them are removed before the request goes on.

use crate::vendors::Auth;
use clawplane_domain::Secret;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::borrow::Cow;
use url::form_urlencoded;
use zeroize::Zeroizing;

/// Headers that carry credentials of the client's, for us and never for the vendor.
const HEADERS: [&str; 6] =
    ["authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization"];
/// The parameter in which Google's older clients send their key.
const PARAMETER: &str = "key";
/// Longer than any token of ours.
const MAX_TOKEN: usize = 512;

/// The texts that may be the bot's token, in the order of their places.
pub(crate) fn candidates<'a>(
    headers: &'a HeaderMap,
    query: Option<&'a str>,
) -> impl Iterator<Item = Cow<'a, str>> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, token) = value.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    let own = HEADERS[1..4].iter().filter_map(|name| headers.get(*name)?.to_str().ok()).map(str::trim);
    let parameter = query
        .and_then(|query| query.split('&').find(|pair| is_key(pair)))
        .and_then(|pair| form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value));
    let plain = bearer.into_iter().chain(own).map(Cow::Borrowed);
    plain.chain(parameter).filter(|token| !token.is_empty() && token.len() <= MAX_TOKEN)
}

/// Removes every credential of the client's.
pub(crate) fn strip_headers(headers: &mut HeaderMap) {
    for name in HEADERS {
        headers.remove(name);
    }
}

/// The query without `key=`; everything else byte for byte.
pub(crate) fn strip_query(query: Option<&str>) -> Option<Cow<'_, str>> {
    let query = query?;
    if !query.split('&').any(is_key) {
        return Some(Cow::Borrowed(query));
    }
    let kept: Vec<_> = query.split('&').filter(|pair| !is_key(pair)).collect();
    if kept.is_empty() { None } else { Some(Cow::Owned(kept.join("&"))) }
}

fn is_key(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    name == PARAMETER
        || (name.contains('%')
            && form_urlencoded::parse(name.as_bytes()).next().is_some_and(|(name, _)| name == PARAMETER))
}

/// A key that cannot be put into a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the provider key has characters that no header can carry")]
pub(crate) struct BadKey;

/// Puts the vendor's key where the vendor wants it.
pub(crate) fn inject(headers: &mut HeaderMap, auth: Auth, secret: &Secret) -> Result<(), BadKey> {
    let (name, mut value) = match auth {
        Auth::None => return Ok(()),
        Auth::Bearer => {
            let text = Zeroizing::new(format!("Bearer {}", secret.expose()));
            (header::AUTHORIZATION, HeaderValue::from_str(&text).map_err(|_| BadKey)?)
        }
        Auth::Header(name) => {
            (HeaderName::from_static(name), HeaderValue::from_str(secret.expose()).map_err(|_| BadKey)?)
        }
    };
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

#[cfg(test)]
mod tests;
