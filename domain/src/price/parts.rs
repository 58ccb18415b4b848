//! A request's tokens cut into parts that have no token in common, so that each is charged once.
//!
//! Vendors report parts of parts, now and then more than the whole. What does not fit is left out of the part: nonsense
//! in a detail must make no request free, nor charge a token twice.

use crate::usage::Tokens;

/// The parts. Those of the input add up to all input, those of the output to all output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) input: u64,
    pub(super) cached: u64,
    pub(super) written: u64,
    pub(super) written_1h: u64,
    pub(super) audio: u64,
    pub(super) cached_audio: u64,
    pub(super) image: u64,
    pub(super) cached_image: u64,
    pub(super) video: u64,
    pub(super) output: u64,
    pub(super) reasoning: u64,
    pub(super) output_audio: u64,
    pub(super) output_image: u64,
    pub(super) output_video: u64,
    pub(super) citations: u64,
}

impl Parts {
    pub(super) fn of(tokens: &Tokens) -> Self {
        let details = &tokens.details;
        let mut parts = Self { input: tokens.input_tokens, output: tokens.output_tokens, ..Self::default() };
        parts.cached = take(&mut parts.input, tokens.cached_input_tokens);
        parts.written = take(&mut parts.input, tokens.cache_write_tokens);
        parts.written_1h = take(&mut parts.written, details.cache_write_1h_tokens);
        let of_audio = details.cached_audio_tokens.min(details.input_audio_tokens);
        parts.cached_audio = take(&mut parts.cached, of_audio);
        parts.audio = take(&mut parts.input, details.input_audio_tokens - parts.cached_audio);
        let of_images = details.cached_image_tokens.min(details.input_image_tokens);
        parts.cached_image = take(&mut parts.cached, of_images);
        parts.image = take(&mut parts.input, details.input_image_tokens - parts.cached_image);
        parts.video = take(&mut parts.input, details.input_video_tokens);
        parts.reasoning = take(&mut parts.output, tokens.reasoning_tokens);
        parts.output_audio = take(&mut parts.output, details.output_audio_tokens);
        parts.output_image = take(&mut parts.output, details.output_image_tokens);
        parts.output_video = take(&mut parts.output, details.output_video_tokens);
        parts.citations = take(&mut parts.output, details.citation_tokens);
        parts
    }
}

/// As much of `wanted` as there is.
fn take(from: &mut u64, wanted: u64) -> u64 {
    let taken = wanted.min(*from);
    *from -= taken;
    taken
}
