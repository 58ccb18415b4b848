//! Usage in Anthropic's messages: counts come at the start and are replaced, never added, by each delta.
//!
//! `input_tokens` leaves out what was read from and written to the cache.
//! <https://docs.anthropic.com/en/docs/build-with-claude/streaming>

use super::{Reading, json::Count};
use clawplane_domain::usage::Tokens;
use serde::{Deserialize, de::IgnoredAny};
use std::borrow::Cow;

/// The counts as Anthropic keeps them.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the vendor's own names")]
pub(super) struct Usage {
    input_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_read_input_tokens: Count,
    output_tokens: Count,
}

impl Usage {
    fn replace(&mut self, newer: Self) {
        self.input_tokens = newer.input_tokens.or(self.input_tokens);
        self.cache_creation_input_tokens =
            newer.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens = newer.cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.output_tokens = newer.output_tokens.or(self.output_tokens);
    }

    fn tokens(&self) -> Tokens {
        let (read, written) =
            (self.cache_read_input_tokens.or_zero(), self.cache_creation_input_tokens.or_zero());
        Tokens {
            input_tokens: self.input_tokens.or_zero().saturating_add(read).saturating_add(written),
            cached_input_tokens: read,
            cache_write_tokens: written,
            output_tokens: self.output_tokens.or_zero(),
            reasoning_tokens: 0,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
    usage: Option<Usage>,
    error: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    usage: Option<Usage>,
}

/// Reads one event, or a whole message.
pub(super) fn read(reading: &mut Reading, usage: &mut Usage, json: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Event<'_>>(json) else { return };
    let kind = event.kind.as_deref().unwrap_or_default();
    let message = event.message.unwrap_or_default();
    reading.name(message.model.or(event.model).as_deref(), None);
    for newer in [message.usage, event.usage].into_iter().flatten() {
        usage.replace(newer);
        reading.tokens = Some(usage.tokens());
    }
    reading.settled |= event.usage.is_some();
    reading.finished |= kind == "message_stop";
    reading.failed |= kind == "error" || event.error.is_some();
}
