//! What tokens and other units cost, in whole numbers.

use super::parts::Parts;
use crate::usage::Tokens;
use serde::{Deserialize, Serialize};

/// Largest rate: a dollar a token, and a million dollars a request.
pub const MAX_RATE: u64 = 1_000_000_000_000;
/// Largest cost of a request, in micro-dollars: what JavaScript's numbers and Postgres's `bigint` both hold exactly.
pub const MAX_COST: u64 = (1 << 53) - 1;
/// Rates are for so many tokens.
const TOKENS: u128 = 1_000_000;

macro_rules! rates {
    ($($(#[$doc:meta])* $field:ident: $name:literal,)+) => {
        /// Micro-dollars: for a million tokens of each kind, and for one of what is no token. Only what plain input and
        /// output cost has to be said.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct Rates {
            /// Plain input: no other rate stands for it.
            pub input_micros: u64,
            /// Plain output: no other rate stands for it.
            pub output_micros: u64,
            $($(#[$doc])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $field: Option<u64>,)+
        }

        impl Rates {
            /// Each rate that is said, with its name in the API.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
                let plain = [("inputMicros", Some(self.input_micros)), ("outputMicros", Some(self.output_micros))];
                let others = [$(($name, self.$field)),+];
                plain.into_iter().chain(others).filter_map(|(name, rate)| Some((name, rate?)))
            }
        }
    };
}

rates! {
    /// Input that was read from the vendor's cache; as plain input where it is not said.
    cached_input_micros: "cachedInputMicros",
    /// Input that was written to the vendor's cache; as plain input where it is not said.
    cache_write_micros: "cacheWriteMicros",
    /// Input that was written to a cache which is kept for an hour; as other cache writes where it is not said.
    cache_write_1h_micros: "cacheWrite1hMicros",
    /// Input that was sound; as plain input where it is not said.
    input_audio_micros: "inputAudioMicros",
    /// Sound that was read from the cache; as other cached input, else as sound, where it is not said.
    cached_audio_micros: "cachedAudioMicros",
    /// Input that was pictures or documents; as plain input where it is not said.
    input_image_micros: "inputImageMicros",
    /// Pictures that were read from the cache; as other cached input, else as pictures, where it is not said.
    cached_image_micros: "cachedImageMicros",
    /// Input that was film; as plain input where it is not said.
    input_video_micros: "inputVideoMicros",
    /// Output that was reasoning; as plain output where it is not said.
    reasoning_micros: "reasoningMicros",
    /// Output that is sound; as plain output where it is not said.
    output_audio_micros: "outputAudioMicros",
    /// Output that is pictures; as plain output where it is not said.
    output_image_micros: "outputImageMicros",
    /// Output that is film; as plain output where it is not said.
    output_video_micros: "outputVideoMicros",
    /// Citations that a search model read; as plain output where it is not said.
    citation_micros: "citationMicros",
    /// On top, for each request; nothing where it is not said.
    request_micros: "requestMicros",
    /// For each search of the web. Where it is not said, a request with searches has no known price.
    web_search_micros: "webSearchMicros",
    /// For each search of stored files. Where it is not said, a request with such searches has no known price.
    file_search_micros: "fileSearchMicros",
    /// For each second of transcribed sound. Where it is not said, a request that is charged so has no known price.
    audio_second_micros: "audioSecondMicros",
    /// For each page that was read. Where it is not said, a request that is charged so has no known price.
    document_page_micros: "documentPageMicros",
}

impl Rates {
    /// Micro-dollars of one request, rounded up once, at the end: never less than its exact price, and less than one
    /// micro-dollar above it. `None` where a unit was used that no rate is said for, and beyond [`MAX_COST`], where
    /// nobody could add it up any more.
    pub fn cost(&self, tokens: &Tokens) -> Option<u64> {
        let mut exact = u128::from(self.request_micros.unwrap_or(0)).saturating_mul(TOKENS);
        let details = &tokens.details;
        let units = [
            (details.web_searches, self.web_search_micros),
            (details.file_searches, self.file_search_micros),
            (details.audio_seconds, self.audio_second_micros),
            (details.document_pages, self.document_page_micros),
        ];
        for (count, rate) in units.into_iter().filter(|(count, _)| *count > 0) {
            exact = exact.saturating_add(product(count, rate?).saturating_mul(TOKENS));
        }
        for (count, rate) in self.tokens(&Parts::of(tokens)) {
            exact = exact.saturating_add(product(count, rate));
        }
        u64::try_from(exact.div_ceil(TOKENS)).ok().filter(|micros| *micros <= MAX_COST)
    }

    /// Each kind of token with its rate.
    fn tokens(&self, parts: &Parts) -> [(u64, u64); 15] {
        let (input, output) = (self.input_micros, self.output_micros);
        let (audio, image) =
            (self.input_audio_micros.unwrap_or(input), self.input_image_micros.unwrap_or(input));
        let cached = self.cached_input_micros;
        let written = self.cache_write_micros.unwrap_or(input);
        [
            (parts.input, input),
            (parts.cached, cached.unwrap_or(input)),
            (parts.written, written),
            (parts.written_1h, self.cache_write_1h_micros.unwrap_or(written)),
            (parts.audio, audio),
            (parts.cached_audio, self.cached_audio_micros.or(cached).unwrap_or(audio)),
            (parts.image, image),
            (parts.cached_image, self.cached_image_micros.or(cached).unwrap_or(image)),
            (parts.video, self.input_video_micros.unwrap_or(input)),
            (parts.output, output),
            (parts.reasoning, self.reasoning_micros.unwrap_or(output)),
            (parts.output_audio, self.output_audio_micros.unwrap_or(output)),
            (parts.output_image, self.output_image_micros.unwrap_or(output)),
            (parts.output_video, self.output_video_micros.unwrap_or(output)),
            (parts.citations, self.citation_micros.unwrap_or(output)),
        ]
    }
}

fn product(count: u64, rate: u64) -> u128 {
    u128::from(count).saturating_mul(u128::from(rate))
}
