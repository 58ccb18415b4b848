//! Text that comes in pieces, held up to a bound; of a longer one only its end, where usage stands.
//!
//! What is kept depends on the bytes alone, never on where the network has cut them.

use super::end;

/// Longest text that is read as a whole. The Responses API repeats the whole answer in its last event.
pub(super) const MAX_TEXT: usize = if cfg!(fuzzing) { 2 << 10 } else { 4 << 20 };
/// So much of its end is kept of a longer one.
pub(super) const TAIL: usize = if cfg!(fuzzing) { 1 << 10 } else { 32 << 10 };
/// Room that is kept between two texts.
const KEEP: usize = 16 << 10;

/// A text that came to its end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// The end of one that was too long.
    End(&'a [u8]),
}

impl Piece<'_> {
    /// Hands on what can be read as JSON: the text, or an object made of what stands at its end.
    pub(super) fn emit(self, emit: impl FnOnce(&[u8])) {
        match self {
            Piece::Whole([]) => {}
            Piece::Whole(text) => emit(text),
            Piece::End(tail) => {
                if let Some(object) = end::usage(tail) {
                    emit(&object);
                }
            }
        }
    }
}

/// A text that is not at its end yet.
#[derive(Debug, Default)]
pub(super) struct Carry {
    bytes: Vec<u8>,
    long: bool,
}

impl Carry {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn push(&mut self, part: &[u8]) {
        if !self.long && self.bytes.len() + part.len() > MAX_TEXT {
            self.long = true;
            let held = std::mem::take(&mut self.bytes);
            keep_end(&mut self.bytes, &held);
        }
        if self.long {
            keep_end(&mut self.bytes, part);
        } else {
            self.bytes.extend_from_slice(part);
        }
    }

    /// Puts a piece in the place of what is held.
    pub(super) fn replace(&mut self, piece: Piece<'_>) {
        self.bytes.clear();
        self.long = matches!(piece, Piece::End(_));
        let (Piece::Whole(bytes) | Piece::End(bytes)) = piece;
        self.bytes.extend_from_slice(bytes);
    }

    /// Hands on what is held with its last part, without a copy where all of it came at once.
    pub(super) fn finish(&mut self, last: &[u8], take: &mut impl FnMut(Piece<'_>)) {
        if self.bytes.is_empty() && !self.long && last.len() <= MAX_TEXT {
            return take(Piece::Whole(last));
        }
        self.push(last);
        match std::mem::take(&mut self.long) {
            true => take(Piece::End(&self.bytes)),
            false => take(Piece::Whole(&self.bytes)),
        }
        self.bytes.clear();
        self.bytes.shrink_to(KEEP);
    }
}

/// Appends `part`, and keeps the last `TAIL` bytes.
pub(super) fn keep_end(tail: &mut Vec<u8>, part: &[u8]) {
    let part = &part[part.len().saturating_sub(TAIL)..];
    let surplus = (tail.len() + part.len()).saturating_sub(TAIL);
    tail.drain(..surplus);
    tail.extend_from_slice(part);
}
