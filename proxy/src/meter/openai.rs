//! Usage in OpenAI's formats: chat completions, completions, embeddings, and the Responses API.
//!
//! `prompt_tokens` includes cached ones, `completion_tokens` includes reasoning.
//! <https://platform.openai.com/docs/api-reference/chat/object>, <https://platform.openai.com/docs/api-reference/responses>

use super::{Reading, json::Count};
use clawplane_domain::usage::Tokens;
use serde::{Deserialize, de::IgnoredAny};
use std::borrow::Cow;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Usage {
    prompt_tokens: Count,
    input_tokens: Count,
    completion_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    prompt_tokens_details: Option<Details>,
    input_tokens_details: Option<Details>,
    completion_tokens_details: Option<Details>,
    output_tokens_details: Option<Details>,
    /// `DeepSeek`'s name for cached input.
    prompt_cache_hit_tokens: Count,
    /// Moonshot's name for cached input.
    cached_tokens: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the vendor's own names")]
struct Details {
    cached_tokens: Count,
    cache_write_tokens: Count,
    reasoning_tokens: Count,
}

impl Usage {
    fn tokens(&self) -> Tokens {
        let input = self.prompt_tokens.or(self.input_tokens).or_zero();
        let mut output = self.completion_tokens.or(self.output_tokens).or_zero();
        let details = self.prompt_tokens_details.or(self.input_tokens_details).unwrap_or_default();
        let cached = details.cached_tokens.or(self.prompt_cache_hit_tokens).or(self.cached_tokens).or_zero();
        let reasoning = self.completion_tokens_details.or(self.output_tokens_details).unwrap_or_default();
        let reasoning = reasoning.reasoning_tokens.or_zero();
        // xAI counts reasoning beside `completion_tokens`; only the total tells.
        if reasoning > 0
            && self.total_tokens.0 == input.checked_add(output).and_then(|sum| sum.checked_add(reasoning))
        {
            output += reasoning;
        }
        Tokens {
            input_tokens: input,
            cached_input_tokens: cached.min(input),
            cache_write_tokens: details.cache_write_tokens.or_zero().min(input),
            output_tokens: output,
            reasoning_tokens: reasoning.min(output),
        }
    }
}

/// A chunk or a whole answer of chat completions.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Chat<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    service_tier: Option<Cow<'a, str>>,
    usage: Option<Usage>,
    choices: Option<Vec<Choice>>,
    x_groq: Option<Groq>,
    error: Option<IgnoredAny>,
}

/// Moonshot has its usage here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    usage: Option<Usage>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Groq {
    usage: Option<Usage>,
}

/// Reads one text of a chat completion, or of anything that looks like one.
pub(super) fn read_chat(reading: &mut Reading, json: &[u8]) {
    if json == b"[DONE]" {
        reading.finished = true;
        return;
    }
    let Ok(chat) = serde_json::from_slice::<Chat<'_>>(json) else { return };
    reading.name(chat.model.as_deref(), chat.service_tier.as_deref());
    reading.failed |= chat.error.is_some();
    let nested = chat.choices.into_iter().flatten().find_map(|choice| choice.usage);
    let usage = chat.usage.or(nested).or_else(|| chat.x_groq.and_then(|groq| groq.usage));
    if let Some(usage) = usage {
        reading.tokens = Some(usage.tokens());
        reading.settled = true;
    }
}

/// The object of the Responses API, whole or inside an event.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    service_tier: Option<Cow<'a, str>>,
    usage: Option<Usage>,
    error: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    response: Option<Answer<'a>>,
}

/// Reads one event of the Responses API, or a whole answer of it.
pub(super) fn read_responses(reading: &mut Reading, json: &[u8]) {
    if json == b"[DONE]" {
        reading.finished = true;
        return;
    }
    let Ok(event) = serde_json::from_slice::<Event<'_>>(json) else { return };
    let whole = if event.response.is_none() { serde_json::from_slice::<Answer<'_>>(json).ok() } else { None };
    let Some(answer) = event.response.or(whole) else { return };
    reading.name(answer.model.as_deref(), answer.service_tier.as_deref());
    if let Some(usage) = answer.usage {
        reading.tokens = Some(usage.tokens());
        reading.settled = true;
    }
    let kind = event.kind.as_deref().unwrap_or_default();
    reading.finished |= matches!(kind, "response.completed" | "response.incomplete" | "response.failed");
    reading.failed |= answer.error.is_some() || matches!(kind, "error" | "response.failed");
}
