//! Takes gateway tokens out of what is archived: whoever gets hold of an archive must not get a way in with it.
//!
//! Whatever has a token's form (`cp_` and 43 letters of base64url, standing alone) is replaced by as many letters `x`, in
//! every file: sizes stay, and a restored configuration still shows where its token belongs.

use memchr::memmem::Finder;
use std::io::{self, Read};

const PREFIX: &[u8] = b"cp_";
const TOKEN: usize = 46;
/// A token, and the letter behind it that must not be there.
const WINDOW: usize = TOKEN + 1;
const READ: usize = 64 * 1024;

/// Reads without tokens.
pub(crate) struct Redacted<R> {
    inner: R,
    finder: Finder<'static>,
    buffer: Vec<u8>,
    /// So much of the buffer can be given away.
    ready: usize,
    given: usize,
    /// The last byte that was thrown out of the buffer.
    before: Option<u8>,
    ended: bool,
}

impl<R: Read> Redacted<R> {
    pub(crate) fn new(inner: R) -> Self {
        let (buffer, finder) = (Vec::with_capacity(READ + WINDOW), Finder::new(PREFIX));
        Self { inner, finder, buffer, ready: 0, given: 0, before: None, ended: false }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.before = self.ready.checked_sub(1).map(|last| self.buffer[last]).or(self.before);
        self.buffer.drain(..self.ready);
        (self.ready, self.given) = (0, 0);
        let read = (&mut self.inner).take(READ as u64).read_to_end(&mut self.buffer)?;
        self.ended = read == 0;
        self.mask();
        self.ready = match self.ended {
            true => self.buffer.len(),
            false => self.buffer.len().saturating_sub(WINDOW),
        };
        Ok(())
    }

    fn mask(&mut self) {
        let mut from = 0;
        while let Some(found) = self.finder.find(&self.buffer[from..]) {
            let at = from + found;
            from = at + PREFIX.len();
            if at + WINDOW > self.buffer.len() && !self.ended {
                return;
            }
            let before = at.checked_sub(1).map(|at| self.buffer[at]).or(self.before);
            let alone = !before.is_some_and(is_letter)
                && !self.buffer.get(at + TOKEN).copied().is_some_and(is_letter);
            let Some(letters) = self.buffer.get_mut(from..at + TOKEN) else { return };
            if alone && letters.iter().copied().all(is_letter) {
                letters.fill(b'x');
            }
        }
    }
}

impl<R: Read> Read for Redacted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready && !self.ended {
            self.fill()?;
        }
        let taken = out.len().min(self.ready - self.given);
        out[..taken].copy_from_slice(&self.buffer[self.given..self.given + taken]);
        self.given += taken;
        Ok(taken)
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests;
