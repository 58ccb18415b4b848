//! The vendor table: every AI vendor as a row of data, and where a request to it goes.
//!
//! A new vendor is a new row in `table.rs`; `route.rs` turns a row, a key and a path into a destination.

mod route;
mod stand_in;
mod table;

pub(crate) use route::{Endpoint, NoDestination, Route, destination, resolve};
pub(crate) use stand_in::path_at;
pub use stand_in::shared_formats;

use clawplane_domain::provider_key::ApiType;

/// How a vendor wants to see its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer <key>`.
    Bearer,
    /// A header of its own, with the bare key.
    Header(&'static str),
    /// Not at all.
    None,
}

/// What a vendor speaks by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Chat completions, responses, embeddings.
    OpenAi,
    /// Messages, and chat completions beside them.
    Anthropic,
    /// `generateContent`, and chat completions under `openai/`.
    Gemini,
    /// Native v2, and chat completions on another host.
    Cohere,
    /// NDJSON, and chat completions under `v1/`.
    Ollama,
}

/// The form of one request and its answer: what usage is read from, and how errors look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Chat completions, completions, embeddings.
    OpenAi,
    /// The Responses API.
    OpenAiResponses,
    /// Anthropic's messages.
    Anthropic,
    /// Gemini's `generateContent`.
    Gemini,
    /// Cohere's v1 and v2.
    Cohere,
    /// Ollama's own.
    Ollama,
}

impl Format {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::OpenAiResponses => "openai-responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Cohere => "cohere",
            Self::Ollama => "ollama",
        }
    }
}

/// Whether `stream_options.include_usage` may be added to a streamed chat completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamOptions {
    /// The vendor knows it.
    Allowed,
    /// The vendor rejects it, or sends usage anyway.
    Rejected,
    /// From `api-version` 2024-09-01 on, and on the unversioned `openai/v1/` (Azure).
    ByApiVersion,
}

/// A row of the vendor table.
#[derive(Clone, Copy, Debug)]
pub struct Vendor {
    /// Its id in paths and events.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// Where it is reached; `None` where each key brings its own address.
    pub base_url: Option<&'static str>,
    /// How it wants to see its key.
    pub auth: Auth,
    /// What it speaks.
    pub family: Family,
    /// Whether usage may be asked for in streams.
    pub stream_options: StreamOptions,
    /// Its id in the price list of `genai-prices`; `None` where that has none.
    pub prices: Option<&'static str>,
}

impl Vendor {
    /// Whether a key of this vendor has to bring its base URL.
    pub fn needs_base_url(&self) -> bool {
        self.base_url.is_none()
    }
}

/// All vendors.
pub fn table() -> &'static [Vendor] {
    table::TABLE
}

/// The vendor of an id.
pub fn find(id: &str) -> Option<&'static Vendor> {
    table().iter().find(|vendor| vendor.id == id)
}

/// Family and header of a key that says its own wire format.
pub(crate) fn of_api_type(api_type: ApiType) -> (Family, Auth) {
    match api_type {
        ApiType::Openai => (Family::OpenAi, Auth::Bearer),
        ApiType::Anthropic => (Family::Anthropic, Auth::Header("x-api-key")),
        ApiType::Gemini => (Family::Gemini, Auth::Header("x-goog-api-key")),
        ApiType::Cohere => (Family::Cohere, Auth::Bearer),
        ApiType::Ollama => (Family::Ollama, Auth::None),
    }
}

#[cfg(test)]
mod tests;
