//! Cuts a stream into its JSON texts, wherever the network has cut it: SSE, NDJSON, and one long JSON array.
//!
//! Memory is bounded: of a text that is longer than `MAX_TEXT` only the usage at its end is read.

use super::carry::{Carry, Piece};

/// Gets each text, and whether it is the data of an event that is named `error`.
pub(super) type Emit<'a> = &'a mut dyn FnMut(&[u8], bool);

/// Cuts bytes into lines that end in LF, CR or CR LF.
#[derive(Debug, Default)]
struct Lines {
    carry: Carry,
    after_cr: bool,
}

impl Lines {
    fn push(&mut self, mut chunk: &[u8], mut line: impl FnMut(Piece<'_>)) {
        if chunk.is_empty() {
            return;
        }
        if std::mem::take(&mut self.after_cr) && chunk.first() == Some(&b'\n') {
            chunk = &chunk[1..];
        }
        while let Some(at) = memchr::memchr2(b'\r', b'\n', chunk) {
            self.carry.finish(&chunk[..at], &mut line);
            let cr = chunk[at] == b'\r';
            chunk = &chunk[at + 1..];
            if cr {
                match chunk.first() {
                    Some(b'\n') => chunk = &chunk[1..],
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
        }
        self.carry.push(chunk);
    }

    fn end(&mut self, mut line: impl FnMut(Piece<'_>)) {
        if !self.carry.is_empty() {
            self.carry.finish(&[], &mut line);
        }
    }
}

/// Server-sent events: emits the data of each.
#[derive(Debug, Default)]
pub(super) struct Sse {
    lines: Lines,
    data: Data,
}

#[derive(Debug, Default)]
struct Data {
    text: Carry,
    /// There was a line of data.
    some: bool,
    /// The event is named `error`.
    error: bool,
    /// There was a line.
    begun: bool,
}

impl Data {
    fn line(&mut self, line: Piece<'_>, emit: Emit<'_>) {
        let first = !std::mem::replace(&mut self.begun, true);
        let line = match line {
            Piece::Whole(line) => line,
            // What is that long is data, and the end of it is all there is.
            Piece::End(_) => {
                self.some = true;
                return self.text.replace(line);
            }
        };
        let line = if first { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        if line.is_empty() {
            return self.end(emit);
        }
        if let Some(name) = line.strip_prefix(b"event:") {
            self.error = name.trim_ascii() == b"error";
            return;
        }
        let Some(value) = line.strip_prefix(b"data:") else { return };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if std::mem::replace(&mut self.some, true) {
            self.text.push(b"\n");
        }
        self.text.push(value);
    }

    fn end(&mut self, emit: Emit<'_>) {
        let error = std::mem::take(&mut self.error);
        if std::mem::take(&mut self.some) {
            self.text.finish(&[], &mut |piece| piece.emit(|text| emit(text, error)));
        }
    }
}

impl Sse {
    pub(super) fn push(&mut self, chunk: &[u8], emit: Emit<'_>) {
        let data = &mut self.data;
        self.lines.push(chunk, |line| data.line(line, emit));
    }
    /// Some vendors leave out the blank line after their last event.
    pub(super) fn end(&mut self, emit: Emit<'_>) {
        let data = &mut self.data;
        self.lines.end(|line| data.line(line, emit));
        data.end(emit);
    }
}

/// Newline-delimited JSON: emits each line.
#[derive(Debug, Default)]
pub(super) struct NdJson(Lines);

impl NdJson {
    pub(super) fn push(&mut self, chunk: &[u8], emit: Emit<'_>) {
        self.0.push(chunk, |line| line.emit(|text| emit(text, false)));
    }
    pub(super) fn end(&mut self, emit: Emit<'_>) {
        self.0.end(|line| line.emit(|text| emit(text, false)));
    }
}

/// A JSON array that grows: emits each of its objects.
#[derive(Debug, Default)]
pub(super) struct Array {
    object: Carry,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Array {
    pub(super) fn push(&mut self, chunk: &[u8], emit: Emit<'_>) {
        // `[` opens depth 1; an object at depth 1 is an element. An answer that is one object has depth 0.
        let mut start = 0;
        for (at, &byte) in chunk.iter().enumerate() {
            if self.object_opens(byte) {
                start = at;
            }
            if self.step(byte) {
                self.object.finish(&chunk[start..=at], &mut |piece| piece.emit(|text| emit(text, false)));
                start = at + 1;
            }
        }
        if self.in_object() && start < chunk.len() {
            self.object.push(&chunk[start..]);
        }
    }

    fn object_opens(&self, byte: u8) -> bool {
        byte == b'{' && !self.in_object() && !self.in_string
    }

    fn in_object(&self) -> bool {
        self.depth >> 1 > 0
    }

    /// Follows one byte; true when it closes an element. The lowest bit of `depth` is the array's bracket, the rest
    /// counts what is open inside of it.
    fn step(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'[' if !self.in_object() => self.depth |= 1,
            b'{' | b'[' => self.depth = self.depth.saturating_add(2),
            b'}' | b']' if self.in_object() => {
                self.depth -= 2;
                return !self.in_object();
            }
            _ => {}
        }
        false
    }
}
