//! What must hold of the reader of segments for any bytes: see `crate::fuzzing`.

#![allow(clippy::missing_panics_doc, reason = "a panic is how a broken promise is found")]

use super::record::{self, Entry, Head, Reader};
use crate::fuzzing::pieces;
use clawplane_domain::usage::UsageRecorded;
use serde_json::value::RawValue;

const RECORD: &str = include_str!("../../../domain/tests/golden/usage.recorded.v1.json");

/// A segment that is any bytes: it is read to its end, and a reader that follows it while it grows sees the same.
pub fn spool_segment(data: &[u8]) {
    let whole = read([data]);
    for pieces in pieces::ways(data) {
        assert_eq!(read(pieces), whole, "in pieces");
    }
    damaged(data);
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Entry> {
    let mut reader = Reader::default();
    let mut entries = Vec::new();
    for piece in pieces {
        reader.push(piece);
        entries.extend(std::iter::from_fn(|| reader.next(true)));
    }
    entries.extend(std::iter::from_fn(|| reader.next(false)));
    entries
}

/// Between records stands what the data says, and what was written is all there. Each line is a piece of damage.
fn damaged(data: &[u8]) {
    let Ok(draft) = serde_json::from_str::<UsageRecorded>(RECORD) else { panic!("the golden record") };
    let (mut bytes, mut written) = (Vec::new(), Vec::new());
    for (number, damage) in (1..).zip(data.split(|byte| *byte == b'\n').take(8)) {
        let Ok(record) = record::outcome(number, &draft) else { panic!("a record can be written") };
        bytes.extend_from_slice(&record);
        written.push(Entry::Outcome(number, Box::new(draft.clone())));
        bytes.extend_from_slice(damage);
        // A torn write: as much of the next record as there is damage.
        bytes.extend_from_slice(&record[..damage.len() % record.len()]);
    }
    let mut found = read([bytes.as_slice()]).into_iter();
    for entry in &written {
        assert!(found.any(|found| found == *entry), "{entry:?} is lost");
    }
    for pieces in pieces::ways(&bytes) {
        assert_eq!(read(pieces), read([bytes.as_slice()]), "damaged, in pieces");
    }
}

/// A record whose checksum is right and whose contents are anything: what is read of it can be written again.
pub fn spool_record(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let (prefix, json) = rest.split_at(if *kind == b'O' { rest.len().min(8) } else { 0 });
    let Ok(json) = std::str::from_utf8(json) else { return };
    let Ok(json) = serde_json::from_str::<&RawValue>(json) else { return };
    let Ok(bytes) = record::encode(*kind, prefix, &json) else { return };
    let entries = read([bytes.as_slice()]);
    let again = match entries.as_slice() {
        [] => return,
        [Entry::Stream(Head { stream, base })] => record::head(&Head { stream: stream.clone(), base: *base }),
        [Entry::Intent(draft)] => record::intent(draft),
        [Entry::Outcome(number, outcome)] => record::outcome(*number, outcome),
        [Entry::Moved(from, to)] => record::moved(*from, *to),
        several => panic!("{several:?} in one record"),
    };
    let Ok(again) = again else { panic!("{entries:?} cannot be written") };
    assert_eq!(read([again.as_slice()]), entries);
}
