//! Usage in the formats of Cohere (v1 and v2) and Ollama.
//!
//! <https://docs.cohere.com/reference/chat-stream>, <https://github.com/ollama/ollama/blob/main/docs/api.md>

use super::{
    Reading,
    json::{Count, Fault, Text, soft},
};
use clawplane_domain::usage::Tokens;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the vendor's own names")]
struct Billed {
    /// What is charged.
    #[serde(deserialize_with = "soft")]
    billed_units: Option<Units>,
    /// What was processed, the vendor's own preamble included.
    #[serde(deserialize_with = "soft")]
    tokens: Option<Units>,
    cached_tokens: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Units {
    input_tokens: Count,
    output_tokens: Count,
}

impl Billed {
    fn tokens(&self) -> Option<Tokens> {
        let units = self.billed_units.or(self.tokens)?;
        let input = units.input_tokens.or_zero();
        Some(Tokens {
            input_tokens: input,
            cached_input_tokens: self.cached_tokens.or_zero().min(input),
            output_tokens: units.output_tokens.or_zero(),
            ..Tokens::default()
        })
    }
}

/// Where usage may stand: at the top of a whole answer, in `delta` (v2 stream) or in `response` (v1 stream).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Cohere<'a> {
    #[serde(borrow, deserialize_with = "soft", rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "soft")]
    event_type: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "soft")]
    finish_reason: Option<Text<'a>>,
    #[serde(deserialize_with = "soft")]
    usage: Option<Billed>,
    #[serde(deserialize_with = "soft")]
    meta: Option<Billed>,
    #[serde(borrow, deserialize_with = "soft")]
    delta: Option<Inner<'a>>,
    #[serde(borrow, deserialize_with = "soft")]
    response: Option<Inner<'a>>,
    error: Fault,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Inner<'a> {
    #[serde(borrow, deserialize_with = "soft")]
    finish_reason: Option<Text<'a>>,
    #[serde(deserialize_with = "soft")]
    usage: Option<Billed>,
    #[serde(deserialize_with = "soft")]
    meta: Option<Billed>,
    error: Fault,
}

/// Reads one event of Cohere, or a whole answer.
pub(super) fn read_cohere(reading: &mut Reading, json: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Cohere<'_>>(json) else { return };
    let (delta, response) = (event.delta.unwrap_or_default(), event.response.unwrap_or_default());
    reading.failed |= event.error.0 || delta.error.0 || response.error.0;
    let reasons = [&event.finish_reason, &delta.finish_reason, &response.finish_reason];
    reading.failed |= reasons.into_iter().flatten().any(|reason| reason.0 == "ERROR");
    let places = [event.usage, event.meta, delta.usage, delta.meta, response.usage, response.meta];
    if let Some(tokens) = places.iter().flatten().find_map(Billed::tokens) {
        reading.tokens = Some(tokens);
        reading.settled = true;
    }
    reading.finished |= event.kind.is_some_and(|kind| kind.0 == "message-end")
        || event.event_type.is_some_and(|kind| kind.0 == "stream-end");
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Ollama<'a> {
    #[serde(borrow, deserialize_with = "soft")]
    model: Option<Text<'a>>,
    done: Fault,
    #[serde(borrow, deserialize_with = "soft")]
    done_reason: Option<Text<'a>>,
    prompt_eval_count: Count,
    eval_count: Count,
    error: Fault,
}

/// Reads one line of Ollama, or a whole answer. `prompt_eval_count` is missing when the prompt was cached: what the
/// prompt had is an estimate then.
pub(super) fn read_ollama(reading: &mut Reading, json: &[u8]) {
    let Ok(line) = serde_json::from_slice::<Ollama<'_>>(json) else { return };
    reading.name(line.model.as_ref(), None);
    reading.failed |= line.error.0;
    reading.finished |= line.done.0;
    // A model that is only loaded or unloaded reads and writes nothing.
    let idle = line.done_reason.is_some_and(|reason| matches!(reason.0.as_ref(), "load" | "unload"));
    if line.prompt_eval_count.0.is_some() || line.eval_count.0.is_some() || idle {
        reading.input_unknown = line.prompt_eval_count.0.is_none() && !idle;
        reading.tokens = Some(Tokens {
            input_tokens: line.prompt_eval_count.or_zero(),
            output_tokens: line.eval_count.or_zero(),
            ..Tokens::default()
        });
        reading.settled = true;
    }
}
