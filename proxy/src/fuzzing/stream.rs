//! Answers that go by: what is read of them, and what is taken out of them.

use super::pieces;
use crate::{
    meter::{Meter, Reading},
    strip::Stripper,
    vendors::Format,
};
use bytes::Bytes;
use serde_json::Value;

const FORMATS: [Format; 6] = [
    Format::OpenAi,
    Format::OpenAiResponses,
    Format::Anthropic,
    Format::Gemini,
    Format::Cohere,
    Format::Ollama,
];

/// Server-sent events, of every family.
pub fn meter_sse(data: &[u8]) {
    for format in FORMATS {
        metered(format, "text/event-stream", true, data);
    }
}

/// A JSON text a line, of every family.
pub fn meter_ndjson(data: &[u8]) {
    for format in FORMATS {
        metered(format, "application/x-ndjson", true, data);
    }
}

/// A JSON array that grows; only Gemini has it.
pub fn meter_array(data: &[u8]) {
    metered(Format::Gemini, "application/json", true, data);
}

/// One JSON text, of every family.
pub fn meter_whole(data: &[u8]) {
    for format in FORMATS {
        metered(format, "application/json", false, data);
    }
}

/// A stream that does not say what it is.
pub fn meter_sniffed(data: &[u8]) {
    metered(Format::OpenAi, "text/plain", true, data);
    metered(Format::Gemini, "", true, data);
}

/// However the network cuts an answer, the same is read of it, and it makes sense.
fn metered(format: Format, kind: &str, stream: bool, data: &[u8]) {
    let whole = reading(format, kind, stream, [data]);
    for pieces in pieces::ways(data) {
        assert_eq!(reading(format, kind, stream, pieces), whole, "{format:?} in pieces");
    }
    assert!(whole.service_tier.as_ref().is_none_or(|tier| tier.len() <= 32));
    assert!(whole.text_bytes <= data.len() as u64 * 2, "no text is longer than what it stands in");
    if let Some(tokens) = &whole.tokens {
        assert!(tokens.cached_input_tokens <= tokens.input_tokens, "{tokens:?}");
        assert!(tokens.cache_write_tokens <= tokens.input_tokens, "{tokens:?}");
        assert!(tokens.reasoning_tokens <= tokens.output_tokens, "{tokens:?}");
    }
}

fn reading<'a>(
    format: Format,
    kind: &str,
    stream: bool,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Reading {
    let mut meter = Meter::new(format, kind, stream);
    for piece in pieces {
        meter.push(&Bytes::copy_from_slice(piece));
    }
    meter.end(true).clone()
}

/// However it is cut, the client gets all events but those of usage alone, byte for byte and in their order.
pub fn usage_chunk(data: &[u8]) {
    let whole = stripped([data]);
    for pieces in pieces::ways(data) {
        let cut = stripped(pieces);
        assert!(cut == whole, "in pieces: {}", cut.escape_ascii());
    }
    // What was taken away are whole events, each of usage alone.
    let mut rest = whole.as_slice();
    for event in events(data) {
        match rest.strip_prefix(event) {
            Some(after) => rest = after,
            None => assert!(is_usage(event), "taken away: {}", event.escape_ascii()),
        }
    }
    assert!(rest.is_empty(), "added: {}", rest.escape_ascii());
}

fn stripped<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut stripper = Stripper::default();
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(&stripper.push(Bytes::copy_from_slice(piece)));
    }
    out.extend_from_slice(&stripper.end());
    out
}

/// Events with the blank line behind each: found from the front, line by line.
fn events(data: &[u8]) -> Vec<&[u8]> {
    let (mut events, mut begin, mut at) = (Vec::new(), 0, 0);
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        let blank = matches!(line, b"\n" | b"\r\n");
        if blank && at - line.len() > begin {
            events.push(&data[begin..at]);
            begin = at;
        }
    }
    events.push(&data[begin..]);
    events
}

/// Whether one of the lines is data with no choices and an object of usage.
fn is_usage(event: &[u8]) -> bool {
    event.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"data:")).any(|data| {
        serde_json::from_str::<Value>(&String::from_utf8_lossy(data)).is_ok_and(|json| {
            json["choices"].as_array().is_some_and(Vec::is_empty) && json["usage"].is_object()
        })
    })
}
