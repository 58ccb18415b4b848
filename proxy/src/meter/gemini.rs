//! Usage in Gemini's `generateContent`: the last `usageMetadata` counts.
//!
//! `promptTokenCount` includes cached content; thoughts are beside the candidates, tool prompts beside the prompt.
//! <https://ai.google.dev/api/generate-content#UsageMetadata>

use super::{
    Reading,
    json::{Count, Fault, Text, soft, soft_list},
};
use clawplane_domain::usage::{TokenDetails, Tokens};
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Chunk<'a> {
    #[serde(borrow, deserialize_with = "soft")]
    usage_metadata: Option<Metadata<'a>>,
    #[serde(borrow, deserialize_with = "soft")]
    model_version: Option<Text<'a>>,
    #[serde(deserialize_with = "soft_list")]
    candidates: Option<Vec<Candidate>>,
    #[serde(deserialize_with = "soft")]
    prompt_feedback: Option<Feedback>,
    error: Fault,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate {
    finish_reason: Fault,
    #[serde(deserialize_with = "soft")]
    grounding_metadata: Option<Grounding>,
}

/// The searches that an answer is grounded on.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Grounding {
    #[serde(deserialize_with = "soft_list")]
    web_search_queries: Option<Vec<serde::de::IgnoredAny>>,
}

/// A prompt that was refused has no candidates.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Feedback {
    block_reason: Fault,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata<'a> {
    prompt_token_count: Count,
    cached_content_token_count: Count,
    tool_use_prompt_token_count: Count,
    candidates_token_count: Count,
    /// What the answer has where the API is asked for a single one.
    response_token_count: Count,
    thoughts_token_count: Count,
    #[serde(borrow, deserialize_with = "soft_list")]
    prompt_tokens_details: Option<Vec<Modal<'a>>>,
    #[serde(borrow, deserialize_with = "soft_list")]
    tool_use_prompt_tokens_details: Option<Vec<Modal<'a>>>,
    #[serde(borrow, deserialize_with = "soft_list")]
    cache_tokens_details: Option<Vec<Modal<'a>>>,
    #[serde(borrow, deserialize_with = "soft_list")]
    candidates_tokens_details: Option<Vec<Modal<'a>>>,
    #[serde(borrow, deserialize_with = "soft")]
    service_tier: Option<Text<'a>>,
}

/// Tokens of one kind of content.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Modal<'a> {
    #[serde(borrow, deserialize_with = "soft")]
    modality: Option<Text<'a>>,
    token_count: Count,
}

fn of(list: Option<&Vec<Modal<'_>>>, modalities: &[&str]) -> u64 {
    let wanted = |modal: &&Modal<'_>| {
        modal.modality.as_ref().is_some_and(|name| modalities.contains(&name.0.as_ref()))
    };
    let counts = list.into_iter().flatten().filter(wanted).map(|modal| modal.token_count.or_zero());
    counts.fold(0, u64::saturating_add)
}

/// A document is charged as the pictures of its pages.
const IMAGE: [&str; 2] = ["IMAGE", "DOCUMENT"];

impl Metadata<'_> {
    fn tokens(&self) -> Tokens {
        let thoughts = self.thoughts_token_count.or_zero();
        let input = self.prompt_token_count.or_zero();
        let answer = self.candidates_token_count.or(self.response_token_count).or_zero();
        Tokens {
            input_tokens: input.saturating_add(self.tool_use_prompt_token_count.or_zero()),
            cached_input_tokens: self.cached_content_token_count.or_zero().min(input),
            cache_write_tokens: 0,
            output_tokens: answer.saturating_add(thoughts),
            reasoning_tokens: thoughts,
            details: self.details(),
        }
    }

    fn details(&self) -> TokenDetails {
        let input = |modalities: &[&str]| {
            of(self.prompt_tokens_details.as_ref(), modalities)
                .saturating_add(of(self.tool_use_prompt_tokens_details.as_ref(), modalities))
        };
        let (cached, output) = (self.cache_tokens_details.as_ref(), self.candidates_tokens_details.as_ref());
        TokenDetails {
            input_audio_tokens: input(&["AUDIO"]),
            cached_audio_tokens: of(cached, &["AUDIO"]),
            input_image_tokens: input(&IMAGE),
            cached_image_tokens: of(cached, &IMAGE),
            input_video_tokens: input(&["VIDEO"]),
            output_audio_tokens: of(output, &["AUDIO"]),
            output_image_tokens: of(output, &IMAGE),
            output_video_tokens: of(output, &["VIDEO"]),
            ..TokenDetails::default()
        }
    }
}

/// Reads one chunk, or a whole answer.
pub(super) fn read(reading: &mut Reading, json: &[u8]) {
    let Ok(mut chunk) = serde_json::from_slice::<Chunk<'_>>(json) else { return };
    let tier = chunk.usage_metadata.as_mut().and_then(|usage| usage.service_tier.take());
    reading.name(chunk.model_version.as_ref(), tier.as_ref());
    let candidates = chunk.candidates.unwrap_or_default();
    reading.failed |= chunk.error.0;
    reading.finished |= candidates.iter().any(|candidate| candidate.finish_reason.0)
        || chunk.prompt_feedback.is_some_and(|feedback| feedback.block_reason.0);
    let grounding = candidates.into_iter().filter_map(|candidate| candidate.grounding_metadata);
    let queries = grounding.map(|found| found.web_search_queries.map_or(0, |queries| queries.len() as u64));
    let mut searches = queries.max().unwrap_or_default();
    if reading.model.as_deref().is_some_and(charged_by_prompt) {
        searches = searches.min(1);
    }
    let before = reading.tokens.map_or(0, |tokens| tokens.details.web_searches);
    if let Some(usage) = &chunk.usage_metadata {
        reading.tokens = Some(usage.tokens());
    }
    if let Some(tokens) = &mut reading.tokens {
        tokens.details.web_searches = searches.max(before);
    }
    reading.settled = reading.finished && reading.tokens.is_some();
}

/// Until Gemini 3 a grounded prompt was charged once, however often it searched.
/// <https://ai.google.dev/gemini-api/docs/google-search#pricing>
fn charged_by_prompt(model: &str) -> bool {
    model.starts_with("gemini-1") || model.starts_with("gemini-2")
}
