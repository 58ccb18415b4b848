//! What a client is told of its limits: on every answer the `x-ratelimit-*` headers, on a refusal which limit it was.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Whose limit it is, for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Bot,
    Tenant,
}

/// Why there is nothing left, which says when there will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// A day or a month is used up.
    Window,
    /// Too much within a minute.
    Rate,
    /// What is left is held by other requests, here or at other proxies, and may come free at any moment.
    Held,
}

/// A limit that is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// The limit, as the API names it.
    pub(crate) limit: &'static str,
    /// Its value.
    pub(crate) of: u64,
    pub(crate) lack: Lack,
    /// Seconds until there is something left again.
    pub(crate) retry_after: u64,
}

/// One limit and what is left below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Seconds until all of it is there again.
    pub(crate) reset: u64,
}

/// The limits that are named in headers: of several, the one with the least left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) requests: Option<Rate>,
    pub(crate) tokens: Option<Rate>,
}

const REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

impl Rates {
    /// The tighter one of each.
    pub(crate) fn tighter(self, other: Self) -> Self {
        Self { requests: tighter(self.requests, other.requests), tokens: tighter(self.tokens, other.tokens) }
    }

    /// Puts them on an answer, over the vendor's own. Where there is no limit of ours, the vendor's stay.
    pub(crate) fn put(&self, headers: &mut HeaderMap) {
        for (rate, [limit, remaining, reset]) in [(self.requests, REQUESTS), (self.tokens, TOKENS)] {
            let Some(rate) = rate else { continue };
            headers.insert(limit, HeaderValue::from(rate.limit));
            headers.insert(remaining, HeaderValue::from(rate.remaining));
            if let Ok(value) = HeaderValue::try_from(in_words(rate.reset)) {
                headers.insert(reset, value);
            }
        }
    }
}

pub(super) fn tighter(one: Option<Rate>, other: Option<Rate>) -> Option<Rate> {
    one.into_iter().chain(other).min_by_key(|rate| rate.remaining)
}

/// Seconds in the form that OpenAI writes and its clients read: `6m0s`, `1h0m5s`.
fn in_words(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}
