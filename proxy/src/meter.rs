//! Reads what a request used out of its answer, while the answer goes by.
//!
//! Every format ends in the same counts: all input (cached and cache-write included), all output (reasoning included).

mod anthropic;
mod carry;
mod end;
mod gemini;
mod json;
mod openai;
mod openai_usage;
mod others;
mod responses;
mod split;
mod whole;

use crate::vendors::Format;
use bytes::Bytes;
use clawplane_domain::usage::Tokens;
use json::Text;
use split::{Array, NdJson, Sse};
use whole::Whole;

/// What an answer said so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent of each other")]
pub(crate) struct Reading {
    /// The counts it named last.
    pub(crate) tokens: Option<Tokens>,
    /// Those counts are the final ones.
    pub(crate) settled: bool,
    /// They say nothing of the input.
    pub(crate) input_unknown: bool,
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
    fn name(&mut self, model: Option<&Text<'_>>, tier: Option<&Text<'_>>) {
        keep(&mut self.model, model.map(|model| model.0.as_ref()));
        self.tier(tier.map(|tier| tier.0.as_ref()));
    }

    fn tier(&mut self, tier: Option<&str>) {
        keep(&mut self.service_tier, tier.filter(|tier| tier.len() <= MAX_TIER));
    }
}

/// Blanks that a stream of no known type may begin with, and still turn out to be JSON.
const MAX_BLANK: usize = 64;
/// Names of tiers are short; what is longer is none.
const MAX_TIER: usize = 32;

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
    /// A stream of no known type: its first byte that is not blank tells. Until then its blanks are held.
    Unknown(Vec<u8>),
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
    /// The client asked for a stream.
    stream: bool,
    anthropic: anthropic::Usage,
    reading: Reading,
}

impl Meter {
    /// For an answer of which nothing is read.
    pub(crate) fn off(format: Format) -> Self {
        Self::with(format, Shape::Off, false)
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
            "application/json" => json_shape(format, stream),
            // Some vendors name their streams `text/plain`, or not at all.
            _ if stream => Shape::Unknown(Vec::new()),
            _ => Shape::Whole(Whole::default()),
        };
        Self::with(format, shape, stream)
    }

    fn with(format: Format, shape: Shape, stream: bool) -> Self {
        Self { format, shape, stream, anthropic: anthropic::Usage::default(), reading: Reading::default() }
    }

    /// Whether the answer is read as a stream of events.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.shape, Shape::Unknown(_) | Shape::Sse(_) | Shape::NdJson(_) | Shape::Array(_))
    }

    /// Whether it is, or may be, a stream of server-sent events.
    pub(crate) fn is_sse(&self) -> bool {
        matches!(self.shape, Shape::Unknown(_) | Shape::Sse(_))
    }

    /// Takes the next piece of the answer.
    pub(crate) fn push(&mut self, chunk: &Bytes) {
        if let Shape::Unknown(held) = &mut self.shape {
            held.extend_from_slice(&chunk[..chunk.len().min(MAX_BLANK)]);
            let start = &held[..held.len().min(MAX_BLANK)];
            let is_json = match start.trim_ascii_start().first() {
                None if start.len() < MAX_BLANK => return,
                first => matches!(first, Some(b'{' | b'[')),
            };
            let blanks = held.len() - chunk.len().min(MAX_BLANK);
            let blanks = Bytes::copy_from_slice(&held[..blanks]);
            self.shape = match is_json {
                true => json_shape(self.format, self.stream),
                false => Shape::Sse(Sse::default()),
            };
            self.take(&blanks);
        }
        self.take(chunk);
    }

    fn take(&mut self, chunk: &Bytes) {
        let Self { format, shape, anthropic, reading, .. } = self;
        let streamed = !matches!(shape, Shape::Whole(_));
        let mut emit = |json: &[u8], error| read((*format, streamed), reading, anthropic, json, error);
        match shape {
            Shape::Off | Shape::Unknown(_) => {}
            Shape::Sse(sse) => sse.push(chunk, &mut emit),
            Shape::NdJson(lines) => lines.push(chunk, &mut emit),
            Shape::Array(array) => array.push(chunk, &mut emit),
            Shape::Whole(whole) => whole.push(chunk),
        }
    }

    /// What was said, once nothing more comes. `complete` when the vendor ended the answer, rather than that
    /// somebody broke it off.
    pub(crate) fn end(&mut self, complete: bool) -> &Reading {
        let Self { format, shape, anthropic, reading, .. } = self;
        let streamed = !matches!(shape, Shape::Whole(_));
        let mut emit = |json: &[u8], error| read((*format, streamed), reading, anthropic, json, error);
        match shape {
            Shape::Off | Shape::Unknown(_) | Shape::Array(_) => {}
            Shape::Sse(sse) => sse.end(&mut emit),
            Shape::NdJson(lines) => lines.end(&mut emit),
            Shape::Whole(whole) => {
                if let Some(text) = whole.text() {
                    emit(&text, false);
                }
            }
        }
        self.shape = Shape::Off;
        // Of an answer that has come to its end, the last counts are all there will be, but for those of Anthropic's
        // first event, and for an output of nothing beside a text.
        let plausible = |tokens: &Tokens| tokens.output_tokens > 0 || reading.text_bytes == 0;
        reading.settled |=
            complete && *format != Format::Anthropic && reading.tokens.as_ref().is_some_and(plausible);
        reading
    }
}

fn json_shape(format: Format, stream: bool) -> Shape {
    match stream && format == Format::Gemini {
        true => Shape::Array(Array::default()),
        false => Shape::Whole(Whole::default()),
    }
}

fn read(
    (format, stream): (Format, bool),
    reading: &mut Reading,
    usage: &mut anthropic::Usage,
    json: &[u8],
    error: bool,
) {
    reading.failed |= error;
    // An array is no event, and Serde would take it for a struct, field by field.
    if json != b"[DONE]" && json.trim_ascii_start().first() != Some(&b'{') {
        return;
    }
    match format {
        Format::OpenAi => openai::read(reading, json, stream),
        Format::OpenAiResponses => responses::read(reading, json),
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
