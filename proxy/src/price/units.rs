//! Token counts in the units of the price list, made consistent with each other.
//!
//! The list refuses counts whose parts are more than the whole. What a vendor reports in such a way is bent until it
//! fits: nonsense in a detail must not make a request free of charge.

use clawplane_domain::usage::{TokenDetails, Tokens};
use genai_prices::{Usage, UsageKey};

/// The counts by the names of the price list.
pub(super) fn of(tokens: &Tokens) -> Usage {
    let input = tokens.input_tokens;
    let cached = tokens.cached_input_tokens.min(input);
    let written = tokens.cache_write_tokens.min(input - cached);
    let mut usage = Usage::from([
        (UsageKey::INPUT_TOKENS, number(input)),
        (UsageKey::OUTPUT_TOKENS, number(tokens.output_tokens)),
    ]);
    let mut put = |key: UsageKey, count: u64| {
        if count > 0 {
            usage.insert(key, number(count));
        }
    };
    put(UsageKey::CACHE_READ_TOKENS, cached);
    put(UsageKey::CACHE_WRITE_TOKENS, written);
    let reasoning = tokens.reasoning_tokens.min(tokens.output_tokens);
    put(UsageKey::OUTPUT_REASONING_TOKENS, reasoning);
    if tokens.details.is_empty() {
        return usage;
    }
    let details = &tokens.details;
    put(UsageKey::CACHE_WRITE_1H_TOKENS, details.cache_write_1h_tokens.min(written));
    put(UsageKey::WEB_SEARCHES, details.web_searches);
    put(UsageKey::STORAGE_SEARCHES, details.file_searches);
    put(UsageKey::AUDIO_SECONDS, details.audio_seconds);
    put(UsageKey::INPUT_AUDIO_SECONDS, details.audio_seconds);
    put(UsageKey::INPUT_DOCUMENT_PAGES, details.document_pages);
    put_input(&mut usage, details, (input, cached, written));
    put_output(&mut usage, details, tokens.output_tokens - reasoning);
    usage
}

/// Sound, pictures and film in the input, and what of them came from the cache. Where both are known but not how much
/// they have in common, it is the least that is possible.
fn put_input(usage: &mut Usage, details: &TokenDetails, (input, cached, written): (u64, u64, u64)) {
    let mut left = input - written;
    let mut cached_left = cached;
    let kinds = [
        (
            UsageKey::INPUT_AUDIO_TOKENS,
            UsageKey::CACHE_AUDIO_READ_TOKENS,
            details.input_audio_tokens,
            details.cached_audio_tokens,
        ),
        (
            UsageKey::INPUT_IMAGE_TOKENS,
            UsageKey::CACHE_IMAGE_READ_TOKENS,
            details.input_image_tokens,
            details.cached_image_tokens,
        ),
        (UsageKey::INPUT_VIDEO_TOKENS, UsageKey::CACHE_VIDEO_READ_TOKENS, details.input_video_tokens, 0),
    ];
    for (key, cached_key, count, of_cache) in kinds {
        let count = count.min(left);
        if count == 0 {
            continue;
        }
        // Whatever is cached of the rest has to find room in it.
        let rest = left - count;
        let common = of_cache.max(cached_left.saturating_sub(rest)).min(count).min(cached_left);
        usage.insert(key, number(count));
        usage.insert(cached_key, number(common));
        left = rest;
        cached_left -= common;
    }
}

/// Sound, pictures, film and citations in the output that is no reasoning.
fn put_output(usage: &mut Usage, details: &TokenDetails, mut left: u64) {
    let kinds = [
        (UsageKey::OUTPUT_AUDIO_TOKENS, details.output_audio_tokens),
        (UsageKey::OUTPUT_IMAGE_TOKENS, details.output_image_tokens),
        (UsageKey::OUTPUT_VIDEO_TOKENS, details.output_video_tokens),
        (UsageKey::OUTPUT_CITATION_TOKENS, details.citation_tokens),
    ];
    for (key, count) in kinds {
        let count = count.min(left);
        if count > 0 {
            usage.insert(key, number(count));
            left -= count;
        }
    }
}

/// Token counts are far below 2^53, where floats are exact.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
fn number(tokens: u64) -> f64 {
    tokens as f64
}
