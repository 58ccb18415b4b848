//! Usage in Anthropic's messages: counts come at the start, and each delta has them so far: replaced, never added.
//!
//! `input_tokens` leaves out what was read from and written to the cache.
//! <https://docs.anthropic.com/en/docs/build-with-claude/streaming>

use super::{
    Reading,
    json::{Count, Fault, Text, soft},
};
use clawplane_domain::usage::{TokenDetails, Tokens};
use serde::Deserialize;

/// The counts as Anthropic keeps them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    input_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_read_input_tokens: Count,
    output_tokens: Count,
    #[serde(deserialize_with = "soft")]
    cache_creation: Option<Creation>,
    #[serde(deserialize_with = "soft")]
    server_tool_use: Option<Tools>,
    #[serde(deserialize_with = "soft")]
    output_tokens_details: Option<OutputDetails>,
    #[serde(deserialize_with = "soft")]
    service_tier: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Creation {
    ephemeral_5m_input_tokens: Count,
    ephemeral_1h_input_tokens: Count,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Tools {
    web_search_requests: Count,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: Count,
}

impl Usage {
    /// Counts only grow; a delta leaves out, or sets to zero, what its writer does not know any more.
    fn replace(&mut self, newer: &Self) {
        self.input_tokens = self.input_tokens.grown(newer.input_tokens);
        self.cache_creation_input_tokens =
            self.cache_creation_input_tokens.grown(newer.cache_creation_input_tokens);
        self.cache_read_input_tokens = self.cache_read_input_tokens.grown(newer.cache_read_input_tokens);
        self.output_tokens = self.output_tokens.grown(newer.output_tokens);
        self.cache_creation = newer.cache_creation.or(self.cache_creation);
        self.server_tool_use = newer.server_tool_use.or(self.server_tool_use);
        self.output_tokens_details = newer.output_tokens_details.or(self.output_tokens_details);
    }

    fn tokens(&self) -> Tokens {
        let creation = self.cache_creation.unwrap_or_default();
        let (short, long) =
            (creation.ephemeral_5m_input_tokens.or_zero(), creation.ephemeral_1h_input_tokens.or_zero());
        let written = self.cache_creation_input_tokens.or(Count(short.checked_add(long))).or_zero();
        let read = self.cache_read_input_tokens.or_zero();
        let output = self.output_tokens.or_zero();
        let thinking = self.output_tokens_details.unwrap_or_default().thinking_tokens.or_zero();
        let searches = self.server_tool_use.unwrap_or_default().web_search_requests.or_zero();
        Tokens {
            input_tokens: self.input_tokens.or_zero().saturating_add(read).saturating_add(written),
            cached_input_tokens: read,
            cache_write_tokens: written,
            output_tokens: output,
            reasoning_tokens: thinking.min(output),
            details: TokenDetails {
                cache_write_1h_tokens: long.min(written),
                web_searches: searches,
                ..TokenDetails::default()
            },
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow, deserialize_with = "soft", rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "soft")]
    message: Option<Message<'a>>,
    #[serde(borrow, deserialize_with = "soft")]
    model: Option<Text<'a>>,
    #[serde(deserialize_with = "soft")]
    usage: Option<Usage>,
    error: Fault,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow, deserialize_with = "soft")]
    model: Option<Text<'a>>,
    #[serde(deserialize_with = "soft")]
    usage: Option<Usage>,
}

/// Reads one event, or a whole message.
pub(super) fn read(reading: &mut Reading, usage: &mut Usage, json: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Event<'_>>(json) else { return };
    let kind = event.kind.as_ref().map_or("", |kind| kind.0.as_ref());
    reading.finished |= kind == "message_stop";
    reading.failed |= kind == "error" || event.error.0;
    // Those of the start are not the last word.
    reading.settled |= event.usage.is_some();
    let message = event.message.unwrap_or_default();
    reading.name(message.model.or(event.model).as_ref(), None);
    for newer in [message.usage, event.usage].into_iter().flatten() {
        reading.tier(newer.service_tier.as_deref());
        usage.replace(&newer);
        reading.tokens = Some(usage.tokens());
    }
}
