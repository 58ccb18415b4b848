//! The object `usage` as OpenAI and those who are like it write it, in all spellings.

use super::json::{Count, soft};
use clawplane_domain::usage::{TokenDetails, Tokens};
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    prompt_tokens: Count,
    input_tokens: Count,
    completion_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    #[serde(deserialize_with = "soft")]
    prompt_tokens_details: Option<Details>,
    #[serde(deserialize_with = "soft")]
    input_tokens_details: Option<Details>,
    /// In transcriptions.
    #[serde(deserialize_with = "soft")]
    input_token_details: Option<Details>,
    #[serde(deserialize_with = "soft")]
    completion_tokens_details: Option<Details>,
    #[serde(deserialize_with = "soft")]
    output_tokens_details: Option<Details>,
    /// `DeepSeek`'s halves of `prompt_tokens`.
    prompt_cache_hit_tokens: Count,
    prompt_cache_miss_tokens: Count,
    /// Moonshot's and Together's name for cached input.
    cached_tokens: Count,
    /// Perplexity's deep research, beside `completion_tokens`.
    citation_tokens: Count,
    reasoning_tokens: Count,
    num_search_queries: Count,
    /// Of transcriptions that are charged by time.
    #[serde(deserialize_with = "soft")]
    seconds: Option<f64>,
    /// Mistral's.
    #[serde(deserialize_with = "soft")]
    prompt_audio_seconds: Option<f64>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the vendors' own names")]
struct Details {
    cached_tokens: Count,
    /// Perplexity's name for it in the Responses API.
    cache_read_input_tokens: Count,
    #[serde(deserialize_with = "soft")]
    cached_tokens_details: Option<Cached>,
    cache_write_tokens: Count,
    reasoning_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
    video_tokens: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Cached {
    audio_tokens: Count,
    image_tokens: Count,
}

impl Usage {
    pub(super) fn tokens(&self) -> Tokens {
        let input = self.prompt_tokens.or(self.input_tokens).or(self.cache_halves()).or_zero();
        let details = self.prompt_tokens_details.or(self.input_tokens_details).or(self.input_token_details);
        let details = details.unwrap_or_default();
        let cached = details
            .cached_tokens
            .or(details.cache_read_input_tokens)
            .or(self.prompt_cache_hit_tokens)
            .or(self.cached_tokens)
            .or_zero();
        let (output, reasoning, out) = self.output(input);
        Tokens {
            input_tokens: input,
            cached_input_tokens: cached.min(input),
            cache_write_tokens: details.cache_write_tokens.or_zero().min(input),
            output_tokens: output,
            reasoning_tokens: reasoning.min(output),
            details: self.details(&details, &out),
        }
    }

    fn cache_halves(&self) -> Count {
        let sum = self.prompt_cache_hit_tokens.or_zero().checked_add(self.prompt_cache_miss_tokens.or_zero());
        Count(sum.filter(|sum| *sum > 0))
    }

    /// All output, what of it was reasoning, and its details.
    fn output(&self, input: u64) -> (u64, u64, Details) {
        let output = self.completion_tokens.or(self.output_tokens).or_zero();
        let details = self.completion_tokens_details.or(self.output_tokens_details).unwrap_or_default();
        let reasoning = details.reasoning_tokens.or(self.reasoning_tokens).or_zero();
        if let Count(Some(citations)) = self.citation_tokens {
            return (output.saturating_add(citations).saturating_add(reasoning), reasoning, details);
        }
        // xAI counts reasoning beside `completion_tokens`; only the total tells.
        let beside = input.checked_add(output).and_then(|sum| sum.checked_add(reasoning));
        if reasoning > 0 && self.total_tokens.0.is_some() && self.total_tokens.0 == beside {
            return (output.saturating_add(reasoning), reasoning, details);
        }
        (output, reasoning, details)
    }

    fn details(&self, input: &Details, output: &Details) -> TokenDetails {
        let cached = input.cached_tokens_details.unwrap_or_default();
        TokenDetails {
            input_audio_tokens: input.audio_tokens.or_zero(),
            cached_audio_tokens: cached.audio_tokens.or_zero(),
            input_image_tokens: input.image_tokens.or_zero(),
            cached_image_tokens: cached.image_tokens.or_zero(),
            input_video_tokens: input.video_tokens.or_zero(),
            output_audio_tokens: output.audio_tokens.or_zero(),
            output_image_tokens: output.image_tokens.or_zero(),
            output_video_tokens: output.video_tokens.or_zero(),
            citation_tokens: self.citation_tokens.or_zero(),
            web_searches: self.num_search_queries.or_zero(),
            audio_seconds: whole_seconds(self.seconds.or(self.prompt_audio_seconds)),
            ..TokenDetails::default()
        }
    }
}

/// Rounded up, as whoever sells time does.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
fn whole_seconds(seconds: Option<f64>) -> u64 {
    seconds.filter(|seconds| (0.0..1e9).contains(seconds)).map_or(0, |seconds| seconds.ceil() as u64)
}
