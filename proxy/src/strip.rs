//! Takes the usage chunk that we asked for out of a stream, for a client that did not ask for it.
//!
//! Whole events pass as they come; only the piece of an event that the network cut is held until its rest is there.

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, de::IgnoredAny};

/// Most bytes that are held: an event that is longer is no usage chunk, and passes.
const HOLD: usize = if cfg!(fuzzing) { 1 << 10 } else { 16 << 10 };

/// Removes events whose `choices` are empty and that carry `usage`.
#[derive(Debug, Default)]
pub(crate) struct Stripper {
    held: BytesMut,
    /// Inside an event that was too long to hold.
    passing: bool,
}

impl Stripper {
    /// What the client gets of `chunk` and of what was held; may be empty.
    pub(crate) fn push(&mut self, chunk: Bytes) -> Bytes {
        if self.held.is_empty() && !self.passing && ends_event(&chunk) && !suspicious(&chunk) {
            return chunk;
        }
        self.held.extend_from_slice(&chunk);
        let mut out = BytesMut::with_capacity(self.held.len());
        while let Some(end) = event_end(&self.held) {
            let event = self.held.split_to(end);
            if std::mem::take(&mut self.passing) || event.len() > HOLD || !is_usage_chunk(&event) {
                out.extend_from_slice(&event);
            }
        }
        if self.passing || self.held.len() > HOLD {
            // The last bytes may be the start of a blank line.
            let keep = self.held.len() - self.held.len().min(4);
            out.extend_from_slice(&self.held.split_to(keep));
            self.passing = true;
        }
        out.freeze()
    }

    /// What is left at the end of the stream.
    pub(crate) fn end(&mut self) -> Bytes {
        let rest = self.held.split();
        if !self.passing && is_usage_chunk(&rest) { Bytes::new() } else { rest.freeze() }
    }
}

/// Of three line ends in a row the last one begins the next event.
fn ends_event(bytes: &[u8]) -> bool {
    let event = bytes.strip_suffix(b"\r\n\r\n").or_else(|| bytes.strip_suffix(b"\n\n"));
    event.is_some_and(|event| !event.ends_with(b"\n"))
}

/// Where the first event ends, its blank line included.
fn event_end(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).find_map(|at| match bytes.get(at + 1..)? {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

fn suspicious(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"\"choices\"").is_some()
        && memchr::memmem::find_iter(bytes, b"[")
            .any(|at| bytes[at + 1..].trim_ascii_start().starts_with(b"]"))
}

#[derive(Deserialize)]
struct Chunk {
    choices: Vec<IgnoredAny>,
    usage: Usage,
}

/// An object; `null` is none.
#[derive(Deserialize)]
struct Usage {}

fn is_usage_chunk(event: &[u8]) -> bool {
    if !suspicious(event) {
        return false;
    }
    let mut data = event.split(|b| *b == b'\n').filter_map(|line| line.strip_prefix(b"data:"));
    let (Some(only), None) = (data.next(), data.next()) else { return false };
    serde_json::from_slice::<Chunk>(only.trim_ascii())
        .is_ok_and(|Chunk { choices, usage: Usage {} }| choices.is_empty())
}

#[cfg(test)]
mod tests;
