//! Reads what a request used out of its answer, while the answer goes by.
//!
//! Every format ends in the same counts: all input (cached and cache-write included), all output (reasoning included).

mod anthropic;
mod gemini;
mod json;
mod openai;
mod others;
mod split;
mod whole;

use crate::vendors::Format;
use bytes::Bytes;
use clawplane_domain::usage::Tokens;
use split::{Array, NdJson, Sse};
use whole::Whole;

/// What an answer said so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The counts it named last.
    pub(crate) tokens: Option<Tokens>,
    /// Those counts are the final ones.
    pub(crate) settled: bool,
    /// It said that it is over: whoever hangs up now has all of it.
    pub(crate) finished: bool,
    /// It carries an error, whatever its status was.
    pub(crate) failed: bool,
    /// The model that it names.
    pub(crate) model: Option<String>,
    /// The tier that it was served and is billed at.
    pub(crate) service_tier: Option<String>,
    /// Bytes of text that the model wrote, for an estimate.
    pub(crate) text_bytes: u64,
}

impl Reading {
    fn name(&mut self, model: Option<&str>, tier: Option<&str>) {
        keep(&mut self.model, model);
        keep(&mut self.service_tier, tier);
    }
}

fn keep(place: &mut Option<String>, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty())
        && place.as_deref() != Some(text)
    {
        *place = Some(text.to_owned());
    }
}

/// How an answer is cut into JSON texts.
#[derive(Debug)]
enum Shape {
    /// Nothing is read: no usage is to be expected, or it cannot be seen.
    Off,
    Sse(Sse),
    NdJson(NdJson),
    Array(Array),
    Whole(Whole),
}

/// The meter of one answer.
#[derive(Debug)]
pub(crate) struct Meter {
    format: Format,
    shape: Shape,
    anthropic: anthropic::Usage,
    reading: Reading,
}

impl Meter {
    /// For an answer of which nothing is read.
    pub(crate) fn off(format: Format) -> Self {
        Self::with(format, Shape::Off)
    }

    /// For an answer of `content_type` to a request that did or did not ask for a stream.
    pub(crate) fn new(format: Format, content_type: &str, stream: bool) -> Self {
        let mut kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind.retain(|c| c != ' ');
        let shape = match kind.as_str() {
            "text/event-stream" => Shape::Sse(Sse::default()),
            "application/x-ndjson" | "application/ndjson" | "application/stream+json" => {
                Shape::NdJson(NdJson::default())
            }
            _ if stream && format == Format::Ollama => Shape::NdJson(NdJson::default()),
            "application/json" if stream && format == Format::Gemini => Shape::Array(Array::default()),
            "application/json" => Shape::Whole(Whole::default()),
            // Some vendors name their streams `text/plain`, or not at all.
            _ if stream => Shape::Sse(Sse::default()),
            _ => Shape::Whole(Whole::default()),
        };
        Self::with(format, shape)
    }

    fn with(format: Format, shape: Shape) -> Self {
        Self { format, shape, anthropic: anthropic::Usage::default(), reading: Reading::default() }
    }

    /// Whether the answer is read as a stream of events.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.shape, Shape::Sse(_) | Shape::NdJson(_) | Shape::Array(_))
    }

    /// Whether it is a stream of server-sent events.
    pub(crate) fn is_sse(&self) -> bool {
        matches!(self.shape, Shape::Sse(_))
    }

    /// Takes the next piece of the answer.
    pub(crate) fn push(&mut self, chunk: &Bytes) {
        let Self { format, shape, anthropic, reading } = self;
        let mut emit = |json: &[u8]| read(*format, reading, anthropic, json);
        match shape {
            Shape::Off => {}
            Shape::Sse(sse) => sse.push(chunk, &mut emit),
            Shape::NdJson(lines) => lines.push(chunk, &mut emit),
            Shape::Array(array) => array.push(chunk, &mut emit),
            Shape::Whole(whole) => whole.push(chunk),
        }
    }

    /// What was said, once nothing more comes.
    pub(crate) fn end(&mut self) -> &Reading {
        let Self { format, shape, anthropic, reading } = self;
        let mut emit = |json: &[u8]| read(*format, reading, anthropic, json);
        match shape {
            Shape::Off | Shape::Array(_) => {}
            Shape::Sse(sse) => sse.end(&mut emit),
            Shape::NdJson(lines) => lines.end(&mut emit),
            Shape::Whole(whole) => {
                if let Some(text) = whole.text(&["usage", "usageMetadata", "meta", "prompt_eval_count"]) {
                    emit(&text);
                }
            }
        }
        self.shape = Shape::Off;
        &self.reading
    }
}

fn read(format: Format, reading: &mut Reading, usage: &mut anthropic::Usage, json: &[u8]) {
    match format {
        Format::OpenAi => openai::read_chat(reading, json),
        Format::OpenAiResponses => openai::read_responses(reading, json),
        Format::Anthropic => anthropic::read(reading, usage, json),
        Format::Gemini => gemini::read(reading, json),
        Format::Cohere => others::read_cohere(reading, json),
        Format::Ollama => others::read_ollama(reading, json),
    }
    if !reading.settled {
        reading.text_bytes = reading.text_bytes.saturating_add(json::text_bytes(json, text_keys(format)));
    }
}

/// Where a format keeps what the model wrote.
fn text_keys(format: Format) -> &'static [&'static str] {
    match format {
        Format::OpenAi => &["content", "reasoning_content", "reasoning", "refusal", "arguments", "text"],
        // Its later events repeat the text of the deltas.
        Format::OpenAiResponses => &["delta"],
        Format::Anthropic => &["text", "thinking", "partial_json"],
        Format::Gemini => &["text"],
        Format::Cohere => &["text", "thinking", "tool_plan", "arguments"],
        Format::Ollama => &["content", "thinking", "response"],
    }
}

#[cfg(test)]
pub(crate) mod tests;
