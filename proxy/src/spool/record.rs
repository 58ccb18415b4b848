//! Records in a segment: a mark, the length, a checksum, then a kind and JSON.
//!
//! A reader finds its way again behind anything that is damaged: the next mark whose checksum is right is a record.

use clawplane_domain::usage::UsageRecorded;
use serde::{Deserialize, Serialize};

/// Begins each record.
const MARK: [u8; 4] = *b"\xc1WPu";
/// Mark, length and CRC-32 of what follows, little-endian.
const HEAD: usize = 12;
/// No record is longer; a larger length is damage.
const MAX: usize = 1 << 20;

const STREAM: u8 = b'S';
const INTENT: u8 = b'I';
const OUTCOME: u8 = b'O';
const MOVED: u8 = b'M';

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The stream that the outcomes of this segment belong to; the first record of each.
    Stream(Head),
    /// A request goes upstream; this is stored if nothing else is heard of it.
    Intent(Box<UsageRecorded>),
    /// A request has ended, with this number in the stream.
    Outcome(u64, Box<UsageRecorded>),
    /// The outcome of the first number goes under the second one, which a crash had left vacant.
    Moved(u64, u64),
}

/// What a segment begins with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "AnyHead")]
pub(crate) struct Head {
    pub(crate) stream: String,
    /// Numbers that were given out before the segment was made: the requests that begin in it end under later ones.
    pub(crate) base: u64,
}

/// As it is on the disk; the first version had the stream only.
#[derive(Deserialize)]
#[serde(untagged)]
enum AnyHead {
    Stream(String),
    Full { stream: String, base: u64 },
}

impl From<AnyHead> for Head {
    fn from(head: AnyHead) -> Self {
        match head {
            AnyHead::Stream(stream) => Self { stream, base: 0 },
            AnyHead::Full { stream, base } => Self { stream, base },
        }
    }
}

pub(super) fn head(head: &Head) -> Result<Vec<u8>, serde_json::Error> {
    encode(STREAM, &[], head)
}

pub(super) fn moved(from: u64, to: u64) -> Result<Vec<u8>, serde_json::Error> {
    encode(MOVED, &[], &(from, to))
}

pub(super) fn intent(draft: &UsageRecorded) -> Result<Vec<u8>, serde_json::Error> {
    encode(INTENT, &[], draft)
}

pub(super) fn outcome(sequence: u64, record: &UsageRecorded) -> Result<Vec<u8>, serde_json::Error> {
    encode(OUTCOME, &sequence.to_le_bytes(), record)
}

pub(super) fn encode(kind: u8, prefix: &[u8], body: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::with_capacity(768);
    bytes.extend_from_slice(&MARK);
    bytes.extend_from_slice(&[0; HEAD - 4]);
    bytes.push(kind);
    bytes.extend_from_slice(prefix);
    serde_json::to_writer(&mut bytes, body)?;
    let length = u32::try_from(bytes.len() - HEAD).unwrap_or(u32::MAX);
    let sum = crc32fast::hash(&bytes[HEAD..]);
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    bytes[8..HEAD].copy_from_slice(&sum.to_le_bytes());
    Ok(bytes)
}

fn decode(payload: &[u8]) -> Option<Entry> {
    let (kind, rest) = payload.split_first()?;
    match *kind {
        STREAM => Some(Entry::Stream(serde_json::from_slice(rest).ok()?)),
        INTENT => Some(Entry::Intent(serde_json::from_slice(rest).ok()?)),
        OUTCOME => {
            let (sequence, json) = rest.split_first_chunk::<8>()?;
            Some(Entry::Outcome(u64::from_le_bytes(*sequence), serde_json::from_slice(json).ok()?))
        }
        MOVED => {
            let (from, to) = serde_json::from_slice(rest).ok()?;
            Some(Entry::Moved(from, to))
        }
        _ => None,
    }
}

/// Reads records out of bytes that may still grow.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    bytes: Vec<u8>,
    at: usize,
    damaged: bool,
    /// Places where something was damaged.
    pub(crate) corrupt: u64,
}

impl Reader {
    /// Room for the next bytes; call `filled` with what was put there.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next record. `None` when there is none, or while one may still be on its way (`growing`).
    pub(crate) fn next(&mut self, growing: bool) -> Option<Entry> {
        loop {
            let rest = &self.bytes[self.at..];
            match step(rest) {
                Step::Record(length) => {
                    let entry = decode(&rest[HEAD..length]);
                    self.at += length;
                    if entry.is_some() {
                        self.damaged = false;
                        return entry;
                    }
                    self.damage();
                }
                Step::Incomplete if growing || rest.is_empty() => return None,
                Step::Incomplete | Step::Damaged => {
                    let next = memchr::memmem::find(&rest[1..], &MARK).map_or(rest.len(), |at| at + 1);
                    // The start of a mark at the end of what is here may be the next record's.
                    let cut =
                        (1..MARK.len()).rev().find(|cut| rest.len() > *cut && rest.ends_with(&MARK[..*cut]));
                    self.at += if growing { next.min(rest.len() - cut.unwrap_or(0)) } else { next };
                    self.damage();
                }
            }
        }
    }

    /// Counts a damaged place, once until the next good record.
    fn damage(&mut self) {
        self.corrupt += u64::from(!std::mem::replace(&mut self.damaged, true));
    }
}

enum Step {
    /// A whole record of this many bytes.
    Record(usize),
    /// A record, as far as it goes.
    Incomplete,
    Damaged,
}

fn step(rest: &[u8]) -> Step {
    if !rest.starts_with(&MARK) {
        return if MARK.starts_with(&rest[..rest.len().min(4)]) { Step::Incomplete } else { Step::Damaged };
    }
    let Some((head, _)) = rest.split_first_chunk::<HEAD>() else { return Step::Incomplete };
    let [_, _, _, _, l0, l1, l2, l3, c0, c1, c2, c3] = *head;
    let length = HEAD + u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length > HEAD + MAX {
        return Step::Damaged;
    }
    let Some(payload) = rest.get(HEAD..length) else { return Step::Incomplete };
    if crc32fast::hash(payload) == u32::from_le_bytes([c0, c1, c2, c3]) {
        Step::Record(length)
    } else {
        Step::Damaged
    }
}
