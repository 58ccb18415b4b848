//! What earlier starts left behind: uploaded, closed, removed.
//!
//! Every step can be cut off and done again: outcomes keep their numbers, intents without an outcome get theirs written
//! down before anything is uploaded.

use super::{Claimed, Entry, Reader, Segment, segment};
use crate::{StartError, ports::UsageSink, telemetry};
use clawplane_domain::{RequestId, usage::UsageRecorded};
use segment::Old;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    path::Path,
};

const BATCH: usize = 1000;

/// What a recovery found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    /// Outcomes that were sent to Postgres, among them those it had already.
    pub(crate) outcomes: u64,
    /// Requests that were under way when the process died.
    pub(crate) interrupted: u64,
    /// Damaged places.
    pub(crate) corrupt: u64,
}

/// Puts a price on an interrupted request.
pub(crate) type Pricing<'a> = &'a (dyn Fn(&mut UsageRecorded) + Sync);

/// Uploads what earlier starts left in the folder. Needs memory for one segment, and a number for each record.
pub(crate) async fn recover(
    claimed: &Claimed,
    sink: &dyn UsageSink,
    price: Pricing<'_>,
) -> Result<Recovered, StartError> {
    let dir = claimed.dir.as_path();
    let failed = |source: io::Error| StartError::Spool { path: dir.to_owned(), source };
    let mut epochs: BTreeMap<u64, Vec<Old>> = BTreeMap::new();
    for old in segment::list(dir).map_err(failed)? {
        epochs.entry(old.epoch).or_default().push(old);
    }
    let mut total = Recovered::default();
    for (epoch, mut segments) in epochs {
        let mut survey = Survey::of(&segments).map_err(failed)?;
        total.corrupt += survey.corrupt;
        let Some(stream) = survey.stream.clone() else {
            // Not even its first record was written, so nothing went upstream under it.
            remove(&segments).map_err(failed)?;
            continue;
        };
        if !survey.open.is_empty() {
            survey.open.values_mut().for_each(price);
            total.interrupted += survey.open.len() as u64;
            let mut stored = sink.sequences(&stream).await?;
            stored.sort_unstable();
            let index = segments.last().map_or(0, |last| last.index + 1);
            segments.push(close(dir, (epoch, index), &stream, survey, &stored).map_err(failed)?);
        }
        for old in &segments {
            total.outcomes += upload(&old.path, &stream, sink, dir).await?;
        }
        remove(&segments).map_err(failed)?;
    }
    if total != Recovered::default() {
        let Recovered { outcomes, interrupted, corrupt } = total;
        tracing::warn!(
            outcomes,
            interrupted,
            corrupt,
            "usage of an earlier start was recovered from the spool"
        );
        telemetry::corrupt_records(corrupt);
    }
    Ok(total)
}

/// What one epoch left.
#[derive(Default)]
struct Survey {
    stream: Option<String>,
    open: BTreeMap<RequestId, UsageRecorded>,
    sequences: BTreeSet<u64>,
    corrupt: u64,
}

impl Survey {
    fn of(segments: &[Old]) -> io::Result<Self> {
        let mut survey = Self::default();
        for old in segments {
            let mut reader = Reader::default();
            reader.push(&fs::read(&old.path)?);
            while let Some(entry) = reader.next(false) {
                match entry {
                    Entry::Stream(id) => survey.stream = Some(id),
                    Entry::Intent(draft) => {
                        survey.open.insert(draft.request_id, *draft);
                    }
                    Entry::Outcome(sequence, outcome) => {
                        survey.sequences.insert(sequence);
                        survey.open.remove(&outcome.request_id);
                    }
                }
            }
            survey.corrupt += reader.corrupt;
        }
        Ok(survey)
    }
}

/// Writes an outcome for each open intent, under the numbers that nobody has used.
fn close(dir: &Path, place: (u64, u64), stream: &str, survey: Survey, stored: &[u64]) -> io::Result<Old> {
    let used = |number: u64| survey.sequences.contains(&number) || stored.binary_search(&number).is_ok();
    let segment = Segment::create_for(dir, place, stream)?;
    let mut next = 1;
    for draft in survey.open.into_values() {
        while used(next) {
            next += 1;
        }
        segment.append(&super::record::outcome(next, &draft)?)?;
        next += 1;
    }
    segment.sync()?;
    File::open(dir)?.sync_all()?;
    Ok(Old { epoch: place.0, index: place.1, path: segment.path().to_owned() })
}

async fn upload(path: &Path, stream: &str, sink: &dyn UsageSink, dir: &Path) -> Result<u64, StartError> {
    let bytes = fs::read(path).map_err(|source| StartError::Spool { path: dir.to_owned(), source })?;
    let mut reader = Reader::default();
    reader.push(&bytes);
    drop(bytes);
    let (mut batch, mut count) = (Vec::with_capacity(BATCH), 0);
    loop {
        let entry = reader.next(false);
        let end = entry.is_none();
        if let Some(Entry::Outcome(sequence, outcome)) = entry {
            batch.push((sequence, *outcome));
        }
        if batch.len() == BATCH || (end && !batch.is_empty()) {
            batch.sort_unstable_by_key(|(sequence, _)| *sequence);
            sink.append(stream, &batch).await?;
            count += batch.len() as u64;
            batch.clear();
        }
        if end {
            return Ok(count);
        }
    }
}

/// Oldest first: an outcome must not go before the intent that it closes.
fn remove(segments: &[Old]) -> io::Result<()> {
    segments.iter().try_for_each(|old| fs::remove_file(&old.path))
}
