//! Keeps an answer that is one JSON text, up to a bound; of a longer one, its end.
//!
//! An answer to an embeddings request has megabytes of numbers, with the usage behind them.

use super::{carry::keep_end, end};
use bytes::Bytes;

/// Up to here an answer is kept as a whole. The pieces are shared with what goes to the client, not copied.
const HEAD: usize = if cfg!(fuzzing) { 2 << 10 } else { 1 << 20 };
/// Pieces that are shared; an answer that trickles in smaller ones is copied together.
const PIECES: usize = if cfg!(fuzzing) { 8 } else { 256 };

#[derive(Debug, Default)]
pub(super) struct Whole {
    head: Vec<Bytes>,
    /// What stood before `head`, once there were too many pieces to share.
    joined: Vec<u8>,
    head_len: usize,
    tail: Vec<u8>,
    long: bool,
}

impl Whole {
    pub(super) fn push(&mut self, chunk: &Bytes) {
        if !self.long && self.head_len + chunk.len() <= HEAD {
            self.head_len += chunk.len();
            if self.head.len() >= PIECES {
                for piece in self.head.drain(..) {
                    self.joined.extend_from_slice(&piece);
                }
            }
            self.head.push(chunk.clone());
            return;
        }
        if !std::mem::replace(&mut self.long, true) {
            // Only the end counts from here on, and the first pieces need not be held any longer.
            keep_end(&mut self.tail, &std::mem::take(&mut self.joined));
            let head = std::mem::take(&mut self.head);
            for piece in &head {
                keep_end(&mut self.tail, piece);
            }
        }
        keep_end(&mut self.tail, chunk);
    }

    /// The text to read usage from: all of it, or an object made of what stands at the end.
    pub(super) fn text(&mut self) -> Option<Bytes> {
        if self.long {
            return end::usage(&self.tail).map(Bytes::from);
        }
        match (self.joined.as_slice(), self.head.as_slice()) {
            ([], []) => None,
            ([], [one]) => Some(one.clone()),
            (joined, rest) => Some([joined, &rest.concat()].concat().into()),
        }
    }
}
