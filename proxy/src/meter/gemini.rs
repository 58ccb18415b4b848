//! Usage in Gemini's `generateContent`: the last `usageMetadata` counts.
//!
//! `promptTokenCount` includes cached content; thoughts are beside the candidates, tool prompts beside the prompt.
//! <https://ai.google.dev/api/generate-content#UsageMetadata>

use super::{Reading, json::Count};
use clawplane_domain::usage::Tokens;
use serde::{Deserialize, de::IgnoredAny};
use std::borrow::Cow;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Chunk<'a> {
    usage_metadata: Option<Metadata>,
    #[serde(borrow)]
    model_version: Option<Cow<'a, str>>,
    candidates: Option<Vec<Candidate>>,
    error: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate {
    finish_reason: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the vendor's own names")]
struct Metadata {
    prompt_token_count: Count,
    cached_content_token_count: Count,
    tool_use_prompt_token_count: Count,
    candidates_token_count: Count,
    thoughts_token_count: Count,
}

/// Reads one chunk, or a whole answer.
pub(super) fn read(reading: &mut Reading, json: &[u8]) {
    let Ok(chunk) = serde_json::from_slice::<Chunk<'_>>(json) else { return };
    reading.name(chunk.model_version.as_deref(), None);
    reading.failed |= chunk.error.is_some();
    reading.finished |= chunk.candidates.iter().flatten().any(|candidate| candidate.finish_reason.is_some());
    if let Some(usage) = chunk.usage_metadata {
        let thoughts = usage.thoughts_token_count.or_zero();
        reading.tokens = Some(Tokens {
            input_tokens: usage
                .prompt_token_count
                .or_zero()
                .saturating_add(usage.tool_use_prompt_token_count.or_zero()),
            cached_input_tokens: usage.cached_content_token_count.or_zero(),
            cache_write_tokens: 0,
            output_tokens: usage.candidates_token_count.or_zero().saturating_add(thoughts),
            reasoning_tokens: thoughts,
        });
    }
    reading.settled = reading.finished && reading.tokens.is_some();
}
