//! From pieces of a container's output to lines that people may see.
//!
//! A secret is looked for in whole lines, so that none slips through where the engine cut one. What is held back is
//! bounded: of a line that is too long only the beginning is shown.

use crate::runtime::{RuntimeError, observe::LogChunk};
use clawplane_domain::{
    Timestamp,
    redact::{LONGEST, Redactor},
};
use futures::{StreamExt, stream, stream::BoxStream};
use std::collections::VecDeque;

/// Longest line; of a longer one this much is shown.
pub const LONGEST_LINE: usize = 32 * 1024;

/// A line of a container's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When the engine read its beginning; `None` where it did not say.
    pub at: Option<Timestamp>,
    /// From its standard error and not its standard output.
    pub stderr: bool,
    /// The line, without its end, without secrets and control characters.
    pub text: String,
    /// It was longer than this.
    pub cut: bool,
}

/// The lines of a log from `since` on.
pub fn of(
    chunks: BoxStream<'static, Result<LogChunk, RuntimeError>>,
    redactor: Redactor,
    since: Option<Timestamp>,
) -> BoxStream<'static, Result<LogLine, RuntimeError>> {
    let state = (chunks, Lines::new(redactor), VecDeque::new(), false);
    let lines = stream::unfold(state, |(mut chunks, mut lines, mut ready, mut over)| async move {
        loop {
            if let Some(line) = ready.pop_front() {
                return Some((Ok(line), (chunks, lines, ready, over)));
            }
            if over {
                return None;
            }
            match chunks.next().await {
                Some(Ok(chunk)) => ready.extend(lines.push(&chunk)),
                Some(Err(error)) => return Some((Err(error), (chunks, lines, ready, true))),
                None => {
                    over = true;
                    ready.extend(lines.finish());
                }
            }
        }
    });
    let wanted = move |line: &Result<LogLine, RuntimeError>| {
        let at = line.as_ref().ok().and_then(|line| line.at);
        std::future::ready(at.is_none() || since.is_none_or(|since| at >= Some(since)))
    };
    lines.filter(wanted).boxed()
}

/// Puts lines together.
#[derive(Debug)]
struct Lines {
    redactor: Redactor,
    /// Standard output and standard error.
    pending: [Option<Pending>; 2],
}

/// A line whose end has not come.
#[derive(Debug)]
struct Pending {
    at: Option<Timestamp>,
    bytes: Vec<u8>,
    cut: bool,
}

impl Lines {
    fn new(redactor: Redactor) -> Self {
        Self { redactor, pending: [None, None] }
    }

    fn push(&mut self, chunk: &LogChunk) -> Vec<LogLine> {
        let (at, rest) = without_time(&chunk.bytes);
        let mut lines = Vec::new();
        for part in rest.split_inclusive(|byte| *byte == b'\n') {
            let slot = &mut self.pending[usize::from(chunk.stderr)];
            let pending = slot.get_or_insert_with(|| Pending { at, bytes: Vec::new(), cut: false });
            let (text, whole) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
            let room = LONGEST_LINE.saturating_sub(pending.bytes.len());
            pending.bytes.extend_from_slice(text.get(..room.min(text.len())).unwrap_or_default());
            pending.cut |= text.len() > room;
            if whole && let Some(pending) = slot.take() {
                lines.push(self.line(chunk.stderr, pending));
            }
        }
        lines
    }

    fn finish(&mut self) -> Vec<LogLine> {
        let left = [(false, self.pending[0].take()), (true, self.pending[1].take())];
        left.into_iter().filter_map(|(stderr, left)| left.map(|left| self.line(stderr, left))).collect()
    }

    fn line(&self, stderr: bool, mut pending: Pending) -> LogLine {
        if pending.cut {
            // A secret may have been cut in two: its beginning would not be known for one.
            pending.bytes.truncate(LONGEST_LINE.saturating_sub(LONGEST));
        }
        let text = plain(&String::from_utf8_lossy(&pending.bytes));
        let text = self.redactor.redact(&text).into_owned();
        LogLine { at: pending.at, stderr, text, cut: pending.cut }
    }
}

/// What the engine puts before each piece, and the piece.
fn without_time(bytes: &[u8]) -> (Option<Timestamp>, &[u8]) {
    let space = bytes.iter().take(40).position(|byte| *byte == b' ');
    let time = space.and_then(|space| std::str::from_utf8(bytes.get(..space)?).ok());
    match time.and_then(|time| chrono::DateTime::parse_from_rfc3339(time).ok()).zip(space) {
        Some((at, space)) => (Some(at.to_utc()), bytes.get(space + 1..).unwrap_or_default()),
        None => (None, bytes),
    }
}

/// Without terminal colours and other control characters: a log is shown in terminals.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' && chars.next_if_eq(&'[').is_some() {
            // A control sequence ends with a byte of 0x40 to 0x7E (ECMA-48).
            while chars.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {}
        } else if char == '\t' || !char.is_control() {
            plain.push(char);
        }
    }
    plain
}

#[cfg(test)]
mod tests;
