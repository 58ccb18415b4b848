//! Keeps an answer that is one JSON text, up to a bound; of a longer one, its start and its end.
//!
//! An answer to an embeddings request has megabytes of numbers, with the usage behind them.

use bytes::Bytes;

/// Up to here an answer is kept as a whole. The pieces are shared with what goes to the client, not copied.
const HEAD: usize = 1 << 20;
/// So much of its end is kept of a longer one.
const TAIL: usize = 32 << 10;

#[derive(Debug, Default)]
pub(super) struct Whole {
    head: Vec<Bytes>,
    head_len: usize,
    tail: Vec<u8>,
    long: bool,
}

impl Whole {
    pub(super) fn push(&mut self, chunk: &Bytes) {
        if !self.long && self.head_len + chunk.len() <= HEAD {
            self.head_len += chunk.len();
            self.head.push(chunk.clone());
            return;
        }
        if !std::mem::replace(&mut self.long, true) {
            // Only the end counts from here on, and the first pieces need not be held any longer.
            let head = std::mem::take(&mut self.head);
            for piece in &head {
                self.keep_end(piece);
            }
        }
        self.keep_end(chunk);
    }

    fn keep_end(&mut self, piece: &[u8]) {
        let piece = &piece[piece.len().saturating_sub(TAIL)..];
        self.tail.extend_from_slice(piece);
        let surplus = self.tail.len().saturating_sub(TAIL);
        if surplus > 0 {
            self.tail.drain(..surplus);
        }
    }

    /// The text to read usage from: all of it, or an object made of what stands at the end under one of `names`.
    pub(super) fn text(&mut self, names: &[&str]) -> Option<Bytes> {
        if self.long {
            return names.iter().find_map(|name| last_value(&self.tail, name));
        }
        match self.head.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            many => Some(many.concat().into()),
        }
    }
}

/// `{"name":<value>}` of the last place where `"name"` is a key with a whole value.
fn last_value(tail: &[u8], name: &str) -> Option<Bytes> {
    let key = format!("\"{name}\"");
    let at = memchr::memmem::rfind(tail, key.as_bytes())?;
    let rest = tail[at + key.len()..].trim_ascii_start().strip_prefix(b":")?;
    let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<&serde_json::value::RawValue>();
    let value = values.next()?.ok()?;
    Some(format!("{{{key}:{}}}", value.get()).into())
}
