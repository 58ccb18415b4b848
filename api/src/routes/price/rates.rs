//! Rates as a client says and sees them: the domain's, field for field.

use clawplane_domain::price::Rates;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! rates_dto {
    ($($(#[$doc:meta])* $field:ident,)+) => {
        /// Micro-dollars (millionths of a dollar): for a million tokens of each kind, and for one request, search,
        /// second or page. A request's sum is rounded up to a whole micro-dollar. Service tiers make no difference.
        #[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[schema(as = Rates)]
        pub(crate) struct RatesDto {
            /// Plain input: no other rate stands for it.
            #[schema(example = 110_000, maximum = 1_000_000_000_000_u64)]
            input_micros: u64,
            /// Plain output: no other rate stands for it.
            #[schema(example = 1_100_000, maximum = 1_000_000_000_000_u64)]
            output_micros: u64,
            $($(#[$doc])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(maximum = 1_000_000_000_000_u64)]
            $field: Option<u64>,)+
        }

        impl From<RatesDto> for Rates {
            fn from(dto: RatesDto) -> Self {
                let RatesDto { input_micros, output_micros, $($field),+ } = dto;
                Self { input_micros, output_micros, $($field),+ }
            }
        }

        impl From<Rates> for RatesDto {
            fn from(rates: Rates) -> Self {
                let Rates { input_micros, output_micros, $($field),+ } = rates;
                Self { input_micros, output_micros, $($field),+ }
            }
        }
    };
}

rates_dto! {
    /// Input that was read from the vendor's cache; as plain input where it is absent.
    cached_input_micros,
    /// Input that was written to the vendor's cache; as plain input where it is absent.
    cache_write_micros,
    /// Input that was written to a cache which is kept for an hour; as other cache writes where it is absent.
    cache_write_1h_micros,
    /// Input that was sound; as plain input where it is absent.
    input_audio_micros,
    /// Sound that was read from the cache; as other cached input, else as sound, where it is absent.
    cached_audio_micros,
    /// Input that was pictures or documents; as plain input where it is absent.
    input_image_micros,
    /// Pictures that were read from the cache; as other cached input, else as pictures, where it is absent.
    cached_image_micros,
    /// Input that was film; as plain input where it is absent.
    input_video_micros,
    /// Output that was reasoning; as plain output where it is absent.
    reasoning_micros,
    /// Output that is sound; as plain output where it is absent.
    output_audio_micros,
    /// Output that is pictures; as plain output where it is absent.
    output_image_micros,
    /// Output that is film; as plain output where it is absent.
    output_video_micros,
    /// Citations that a search model read; as plain output where it is absent.
    citation_micros,
    /// On top, for each request; nothing where it is absent.
    request_micros,
    /// Each search of the web. Where it is absent, a request with searches has no known price.
    web_search_micros,
    /// Each search of stored files. Where it is absent, a request with such searches has no known price.
    file_search_micros,
    /// Each second of transcribed sound. Where it is absent, a request that is charged so has no known price.
    audio_second_micros,
    /// Each page that was read. Where it is absent, a request that is charged so has no known price.
    document_page_micros,
}
