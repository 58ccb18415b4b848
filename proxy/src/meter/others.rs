//! Usage in the formats of Cohere (v1 and v2) and Ollama.
//!
//! <https://docs.cohere.com/reference/chat-stream>, <https://github.com/ollama/ollama/blob/main/docs/api.md>

use super::{Reading, json::Count};
use clawplane_domain::usage::Tokens;
use serde::{Deserialize, de::IgnoredAny};
use std::borrow::Cow;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Billed {
    billed_units: Option<Units>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Units {
    input_tokens: Count,
    output_tokens: Count,
}

/// Where usage may stand: at the top of a whole answer, in `delta` (v2 stream) or in `response` (v1 stream).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Cohere<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    event_type: Option<Cow<'a, str>>,
    usage: Option<Billed>,
    meta: Option<Billed>,
    delta: Option<Inner>,
    response: Option<Inner>,
    error: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Inner {
    usage: Option<Billed>,
    meta: Option<Billed>,
    error: Option<IgnoredAny>,
}

/// Reads one event of Cohere, or a whole answer.
pub(super) fn read_cohere(reading: &mut Reading, json: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Cohere<'_>>(json) else { return };
    let (delta, response) = (event.delta.unwrap_or_default(), event.response.unwrap_or_default());
    reading.failed |= event.error.is_some() || delta.error.is_some();
    let places = [event.usage, event.meta, delta.usage, delta.meta, response.usage, response.meta];
    if let Some(units) = places.into_iter().flatten().find_map(|billed| billed.billed_units) {
        reading.tokens = Some(Tokens {
            input_tokens: units.input_tokens.or_zero(),
            output_tokens: units.output_tokens.or_zero(),
            ..Tokens::default()
        });
        reading.settled = true;
    }
    reading.finished |=
        event.kind.as_deref() == Some("message-end") || event.event_type.as_deref() == Some("stream-end");
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Ollama<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    done: bool,
    prompt_eval_count: Count,
    eval_count: Count,
    error: Option<IgnoredAny>,
}

/// Reads one line of Ollama, or a whole answer. `prompt_eval_count` is missing when the prompt was cached.
pub(super) fn read_ollama(reading: &mut Reading, json: &[u8]) {
    let Ok(line) = serde_json::from_slice::<Ollama<'_>>(json) else { return };
    reading.name(line.model.as_deref(), None);
    reading.failed |= line.error.is_some();
    reading.finished |= line.done;
    if line.prompt_eval_count.0.is_some() || line.eval_count.0.is_some() {
        reading.tokens = Some(Tokens {
            input_tokens: line.prompt_eval_count.or_zero(),
            output_tokens: line.eval_count.or_zero(),
            ..Tokens::default()
        });
        reading.settled = true;
    }
}
