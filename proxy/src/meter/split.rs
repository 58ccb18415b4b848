//! Cuts a stream into its JSON texts, wherever the network has cut it: SSE, NDJSON, and one long JSON array.
//!
//! Memory is bounded: a text that is longer than `MAX_TEXT` is skipped.

/// Longest text that is read. The Responses API repeats the whole answer in its last event.
pub(super) const MAX_TEXT: usize = 4 << 20;
/// Room that is kept between two texts.
const KEEP: usize = 16 << 10;

/// Gets each text.
pub(super) type Emit<'a> = &'a mut dyn FnMut(&[u8]);

/// Cuts bytes into lines that end in LF, CR or CR LF.
#[derive(Debug, Default)]
struct Lines {
    carry: Vec<u8>,
    after_cr: bool,
    skipping: bool,
}

impl Lines {
    fn push(&mut self, mut chunk: &[u8], mut line: impl FnMut(&[u8])) {
        if std::mem::take(&mut self.after_cr) && chunk.first() == Some(&b'\n') {
            chunk = &chunk[1..];
        }
        while let Some(at) = memchr::memchr2(b'\r', b'\n', chunk) {
            let part = &chunk[..at];
            if std::mem::take(&mut self.skipping) {
                self.carry.clear();
            } else if self.carry.is_empty() {
                line(part);
            } else {
                self.carry.extend_from_slice(part);
                line(&self.carry);
                reset(&mut self.carry);
            }
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
        if self.carry.len() + chunk.len() > MAX_TEXT {
            self.skipping = true;
            self.carry = Vec::new();
        } else if !self.skipping {
            self.carry.extend_from_slice(chunk);
        }
    }

    fn end(&mut self, mut line: impl FnMut(&[u8])) {
        if !self.skipping && !self.carry.is_empty() {
            line(&self.carry);
        }
        self.carry.clear();
    }
}

fn reset(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEEP);
}

/// Server-sent events: emits the data of each.
#[derive(Debug, Default)]
pub(super) struct Sse {
    lines: Lines,
    data: Data,
}

#[derive(Debug, Default)]
struct Data {
    text: Vec<u8>,
    some: bool,
}

impl Data {
    fn line(&mut self, line: &[u8], emit: Emit<'_>) {
        if line.is_empty() {
            return self.end(emit);
        }
        let Some(value) = line.strip_prefix(b"data:") else { return };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if self.some {
            self.text.push(b'\n');
        }
        self.some = true;
        if self.text.len() + value.len() > MAX_TEXT {
            self.text.clear();
        } else {
            self.text.extend_from_slice(value);
        }
    }

    fn end(&mut self, emit: Emit<'_>) {
        if std::mem::take(&mut self.some) {
            emit(&self.text);
            reset(&mut self.text);
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
        self.0.push(chunk, |line| {
            if !line.is_empty() {
                emit(line);
            }
        });
    }
    pub(super) fn end(&mut self, emit: Emit<'_>) {
        self.0.end(emit);
    }
}

/// A JSON array that grows: emits each of its objects.
#[derive(Debug, Default)]
pub(super) struct Array {
    object: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    skipping: bool,
}

impl Array {
    pub(super) fn push(&mut self, chunk: &[u8], emit: Emit<'_>) {
        // `[` opens depth 1; an object at depth 1 is an element. An answer that is one object has depth 0.
        let mut start = 0;
        for (at, &byte) in chunk.iter().enumerate() {
            let opens = self.object_opens(byte);
            if opens {
                start = at;
            }
            if self.step(byte) {
                self.take(&chunk[start..=at]);
                if !std::mem::take(&mut self.skipping) {
                    emit(&self.object);
                }
                reset(&mut self.object);
                start = at + 1;
            }
        }
        if self.in_object() && start < chunk.len() {
            self.take(&chunk[start..]);
        }
    }

    fn object_opens(&self, byte: u8) -> bool {
        byte == b'{' && !self.in_object() && !self.in_string
    }

    fn in_object(&self) -> bool {
        self.depth >> 1 > 0
    }

    fn take(&mut self, part: &[u8]) {
        if self.object.len() + part.len() > MAX_TEXT {
            self.skipping = true;
            self.object = Vec::new();
        } else if !self.skipping {
            self.object.extend_from_slice(part);
        }
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
            b'{' | b'[' => self.depth += 2,
            b'}' | b']' if self.in_object() => {
                self.depth -= 2;
                return !self.in_object();
            }
            _ => {}
        }
        false
    }
}
