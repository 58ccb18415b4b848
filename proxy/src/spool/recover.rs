//! What earlier starts left behind: uploaded, closed, removed.
//!
//! Every step can be cut off and done again: outcomes keep their numbers, intents without an outcome get theirs written
//! down before anything is uploaded.

mod survey;

use super::{
    Claimed, Entry, Reader, Segment, identity,
    record::{self, Head},
    segment,
};
use crate::{
    StartError,
    ports::{Stored, UsageSink},
    telemetry,
};
use clawplane_domain::usage::UsageRecorded;
use segment::Old;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::Path,
};
use survey::{Plan, Survey};

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

/// Uploads what earlier starts left in the folder. Needs memory for one segment, for the requests that were under way,
/// and a few bytes for each hole in the numbers.
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
    for (epoch, segments) in epochs {
        let found = recover_epoch(dir, (epoch, segments), sink, price).await?;
        total.outcomes += found.outcomes;
        total.interrupted += found.interrupted;
        total.corrupt += found.corrupt;
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

async fn recover_epoch(
    dir: &Path,
    (epoch, mut segments): (u64, Vec<Old>),
    sink: &dyn UsageSink,
    price: Pricing<'_>,
) -> Result<Recovered, StartError> {
    let failed = |source: io::Error| StartError::Spool { path: dir.to_owned(), source };
    let survey = Survey::of(&segments).map_err(failed)?;
    let mut found = Recovered { corrupt: survey.corrupt, ..Recovered::default() };
    if survey.is_empty() {
        // Nothing was written, so nothing went upstream; or nothing of it can be read, which is kept for a person.
        if survey.corrupt > 0 {
            set_aside(&segments).map_err(failed)?;
        } else {
            remove(&segments).map_err(failed)?;
        }
        return Ok(found);
    }
    let stream = match &survey.stream {
        Some(stream) => Some(stream.clone()),
        // The head is damaged; the name of the file and the folder's identity say the same.
        None => identity::stream_of(dir, epoch).map_err(failed)?,
    };
    let Some(stream) = stream else {
        let lost = io::Error::new(
            io::ErrorKind::InvalidData,
            format!("usage of epoch {epoch} is here, and neither its head nor identity.json can be read"),
        );
        return Err(failed(lost));
    };
    let open: Vec<_> = survey.open.keys().copied().collect();
    let stored: Stored = sink.stored(&stream, survey.from(), &open).await?;
    let mut plan = Plan::of(survey, &stored);
    if !plan.is_empty() {
        plan.close.iter_mut().for_each(|(_, record)| price(record));
        found.interrupted = plan.close.len() as u64;
        let index = segments.last().map_or(0, |last| last.index + 1);
        segments.push(close(dir, (epoch, index), &stream, &plan).map_err(failed)?);
    }
    for old in &segments {
        found.outcomes += upload(&old.path, &stream, &plan.moved, sink, dir).await?;
    }
    remove(&segments).map_err(failed)?;
    Ok(found)
}

/// Writes down what is decided, under a name that it gets when all of it is on the disk.
fn close(dir: &Path, place: (u64, u64), stream: &str, plan: &Plan) -> io::Result<Old> {
    let head = Head { stream: stream.to_owned(), base: plan.base };
    let segment = Segment::create_unnamed(dir, place, &head)?;
    for (number, record) in &plan.close {
        segment.append(&record::outcome(*number, record)?)?;
    }
    for (from, to) in &plan.moving {
        segment.append(&record::moved(*from, *to)?)?;
    }
    Ok(Old { epoch: place.0, index: place.1, path: segment.publish(dir)? })
}

async fn upload(
    path: &Path,
    stream: &str,
    moved: &BTreeMap<u64, u64>,
    sink: &dyn UsageSink,
    dir: &Path,
) -> Result<u64, StartError> {
    let bytes = fs::read(path).map_err(|source| StartError::Spool { path: dir.to_owned(), source })?;
    let mut reader = Reader::default();
    reader.push(&bytes);
    drop(bytes);
    let (mut batch, mut count) = (Vec::with_capacity(BATCH), 0);
    loop {
        let entry = reader.next(false);
        let end = entry.is_none();
        if let Some(Entry::Outcome(number, outcome)) = entry {
            batch.push((moved.get(&number).copied().unwrap_or(number), *outcome));
        }
        if batch.len() == BATCH || (end && !batch.is_empty()) {
            batch.sort_unstable_by_key(|(number, _)| *number);
            sink.append(stream, &batch).await?;
            count += batch.len() as u64;
            batch.clear();
        }
        if end {
            return Ok(count);
        }
    }
}

fn set_aside(segments: &[Old]) -> io::Result<()> {
    segments.iter().try_for_each(|old| {
        tracing::error!(path = %old.path.display(), "nothing can be read in a segment of the spool; it is set aside");
        fs::rename(&old.path, old.path.with_extension("damaged"))
    })
}

/// Oldest first: an outcome must not go before the intent that it closes.
fn remove(segments: &[Old]) -> io::Result<()> {
    segments.iter().try_for_each(|old| fs::remove_file(&old.path))?;
    match segments.first().and_then(|old| old.path.parent()) {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}
