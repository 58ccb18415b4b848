//! What a price list charges at a rate of its own, beside plain input and output: audio, images, long-lived cache
//! writes, searches. Most requests have none of it, and their events say nothing about it.

use serde::{Deserialize, Serialize};

/// Parts of [`Tokens`](super::Tokens) and other units that some vendors charge separately. Zero where the vendor
/// reports none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TokenDetails {
    /// Input that was written to a cache which is kept for an hour (Anthropic); part of `cache_write_tokens`.
    #[serde(rename = "cacheWrite1hTokens", skip_serializing_if = "is_zero")]
    pub cache_write_1h_tokens: u64,
    /// Input that was sound; part of `input_tokens`.
    #[serde(skip_serializing_if = "is_zero")]
    pub input_audio_tokens: u64,
    /// Sound that was read from the cache; part of `input_audio_tokens` and of `cached_input_tokens`.
    #[serde(skip_serializing_if = "is_zero")]
    pub cached_audio_tokens: u64,
    /// Input that was pictures or documents; part of `input_tokens`.
    #[serde(skip_serializing_if = "is_zero")]
    pub input_image_tokens: u64,
    /// Pictures that were read from the cache; part of `input_image_tokens` and of `cached_input_tokens`.
    #[serde(skip_serializing_if = "is_zero")]
    pub cached_image_tokens: u64,
    /// Input that was film; part of `input_tokens`.
    #[serde(skip_serializing_if = "is_zero")]
    pub input_video_tokens: u64,
    /// Output that is sound; part of `output_tokens`.
    #[serde(skip_serializing_if = "is_zero")]
    pub output_audio_tokens: u64,
    /// Output that is pictures; part of `output_tokens`.
    #[serde(skip_serializing_if = "is_zero")]
    pub output_image_tokens: u64,
    /// Output that is film; part of `output_tokens`.
    #[serde(skip_serializing_if = "is_zero")]
    pub output_video_tokens: u64,
    /// Citations that a search model read (Perplexity); part of `output_tokens`, where its price list has them.
    #[serde(skip_serializing_if = "is_zero")]
    pub citation_tokens: u64,
    /// Searches of the web that the vendor made.
    #[serde(skip_serializing_if = "is_zero")]
    pub web_searches: u64,
    /// Searches of files that the vendor stores.
    #[serde(skip_serializing_if = "is_zero")]
    pub file_searches: u64,
    /// Seconds of sound that were transcribed, where the vendor charges time instead of tokens. Rounded up.
    #[serde(skip_serializing_if = "is_zero")]
    pub audio_seconds: u64,
    /// Pages of documents that were read (Mistral's OCR).
    #[serde(skip_serializing_if = "is_zero")]
    pub document_pages: u64,
}

impl TokenDetails {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
