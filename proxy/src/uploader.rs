//! Takes what the spool has to Postgres, in batches, in order, for as long as it takes.
//!
//! It reads the segments themselves: whatever is late stays on the disk and not in memory. A segment goes when
//! everything in it, and in all before it, is stored.

use crate::{
    ports::UsageSink,
    spool::{Entry, Reader, Segment, Spool},
    telemetry,
};
use clawplane_domain::{RequestId, clock::Clock, usage::UsageRecorded};
use clawplane_eventstore::Precedence;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Most records in one statement.
const BATCH: usize = 1000;
/// How long a batch is gathered.
const GATHER: Duration = Duration::from_millis(10);
/// Most records that are read ahead.
const AHEAD: usize = 4 * BATCH;
/// When a missing number is reported. Writers are not that slow: it is a record that the disk does not take. Those behind
/// it wait: the recovery after a crash relies on nothing being sent from above a hole.
const GAP: Duration = Duration::from_secs(5);
/// Between two tries to write what the disk did not take.
const REWRITE: Duration = Duration::from_millis(500);
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// How long the last batches may take when the process ends; what is left is recovered by the next start.
const LAST: Duration = Duration::from_millis(1500);

/// A record that is not stored yet, and the segments that have to stay for it.
struct Pending {
    record: UsageRecorded,
    holds: [Option<u64>; 2],
}

/// A segment on its way out.
struct Held {
    index: u64,
    /// Intents without an outcome, and outcomes that are not stored, that need it.
    needs: u64,
    read: bool,
}

/// Uploads the spool of this process.
pub(crate) struct Uploader {
    spool: Arc<Spool>,
    sink: Arc<dyn UsageSink>,
    clock: Arc<dyn Clock>,
    precedence: Precedence,
    reading: Option<(Arc<Segment>, u64, Reader)>,
    next_segment: u64,
    segments: VecDeque<Held>,
    open: HashMap<RequestId, u64>,
    pending: BTreeMap<u64, Pending>,
    /// The lowest number that was never stored.
    next: u64,
    stored: u64,
    gap_since: Option<(Instant, bool)>,
    rewritten: Instant,
    buffer: Vec<u8>,
}

impl Uploader {
    pub(crate) fn new(
        spool: Arc<Spool>,
        sink: Arc<dyn UsageSink>,
        clock: Arc<dyn Clock>,
        precedence: Precedence,
    ) -> Self {
        Self {
            spool,
            sink,
            clock,
            precedence,
            reading: None,
            next_segment: 0,
            segments: VecDeque::new(),
            open: HashMap::new(),
            pending: BTreeMap::new(),
            next: 1,
            stored: 0,
            gap_since: None,
            rewritten: Instant::now(),
            buffer: vec![0; 256 << 10],
        }
    }

    /// Uploads until `stop`, which comes when nothing is in flight any more, then what is left, bounded.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut backoff = BACKOFF_MIN;
        while !stop.is_cancelled() {
            let waiting = async {
                if self.pending.is_empty() && self.spool.closed() == self.stored {
                    self.spool.outcome().await;
                }
                tokio::time::sleep(GATHER).await;
            };
            tokio::select! {
                () = waiting => {}
                () = stop.cancelled() => break,
            }
            if let Err(error) = self.pass().await {
                tracing::warn!(%error, retry_in = ?backoff, pending = self.spool.closed() - self.stored, "usage waits in the spool");
                self.report();
                tokio::select! {
                    () = tokio::time::sleep(backoff) => {}
                    () = stop.cancelled() => break,
                }
                backoff = (backoff * 2).min(BACKOFF_MAX);
            } else {
                backoff = BACKOFF_MIN;
            }
        }
        self.spool.refuse();
        let last = tokio::time::timeout(LAST, self.pass()).await;
        let left = self.spool.closed() - self.stored;
        if matches!(last, Ok(Ok(()))) && left == 0 && self.open.is_empty() {
            self.spool.clear();
        } else {
            tracing::warn!(left, open = self.open.len(), "usage is left in the spool for the next start");
        }
    }

    /// Reads and stores until nothing more can be done now.
    async fn pass(&mut self) -> Result<(), clawplane_eventstore::StoreError> {
        if self.rewritten.elapsed() >= REWRITE || self.spool.is_ending() {
            self.spool.retry_unwritten();
            self.rewritten = Instant::now();
        }
        loop {
            self.read();
            let batch = self.batch();
            if batch.is_empty() {
                break;
            }
            if !self.spool.is_ending() {
                self.precedence.give_way(self.late()).await;
            }
            self.sink.append(self.spool.stream(), &batch).await?;
            for (sequence, _) in &batch {
                self.store(*sequence);
            }
        }
        self.clean();
        self.report();
        Ok(())
    }

    /// Reads on, as far as there is room.
    fn read(&mut self) {
        while self.pending.len() < AHEAD {
            if self.reading.is_none() {
                let Some(segment) = self.spool.segment_from(self.next_segment) else { return };
                self.segments.push_back(Held { index: segment.index, needs: 0, read: false });
                self.reading = Some((segment, 0, Reader::default()));
            }
            let Some((segment, offset, reader)) = &mut self.reading else { return };
            // Asked before the read: what is not growing by then is read to its end.
            let growing = self.spool.is_growing(segment);
            let index = segment.index;
            let got = match segment.read_at(&mut self.buffer, *offset) {
                Ok(got) => got,
                Err(error) => return tracing::error!(%error, index, "a segment of the spool cannot be read"),
            };
            *offset += got as u64;
            reader.push(&self.buffer[..got]);
            let mut entries = Vec::new();
            let more = got > 0 || growing;
            while let Some(entry) = reader.next(more) {
                entries.push(entry);
            }
            let corrupt = std::mem::take(&mut reader.corrupt);
            if corrupt > 0 {
                tracing::error!(corrupt, index, "the spool has damaged records");
                telemetry::corrupt_records(corrupt);
            }
            for entry in entries {
                self.take(index, entry);
            }
            if got == 0 {
                if growing {
                    return;
                }
                self.reading = None;
                self.next_segment = index + 1;
                self.hold(index, |held| held.read = true);
            }
        }
    }

    fn take(&mut self, index: u64, entry: Entry) {
        match entry {
            // A recovery's own; a living process moves nothing.
            Entry::Stream(_) | Entry::Moved(..) => {}
            Entry::Intent(draft) => {
                self.open.insert(draft.request_id, index);
                self.hold(index, |held| held.needs += 1);
            }
            Entry::Outcome(sequence, record) => {
                let holds = [Some(index), self.open.remove(&record.request_id)];
                self.hold(index, |held| held.needs += 1);
                self.pending.insert(sequence, Pending { record: *record, holds });
            }
        }
    }

    /// The next records without a gap.
    fn batch(&mut self) -> Vec<(u64, UsageRecorded)> {
        let Some(first) = self.pending.first_key_value().map(|(sequence, _)| *sequence) else {
            return Vec::new();
        };
        if first > self.next {
            let (since, reported) = self.gap_since.get_or_insert_with(|| (Instant::now(), false));
            if since.elapsed() >= GAP && !std::mem::replace(reported, true) {
                tracing::error!(missing = self.next, "a usage record is late; those behind it wait");
            }
            return Vec::new();
        }
        self.gap_since = None;
        let mut expected = first;
        let run = self.pending.iter().take_while(|(sequence, _)| {
            let follows = **sequence == expected;
            expected += 1;
            follows
        });
        run.take(BATCH).map(|(sequence, pending)| (*sequence, pending.record.clone())).collect()
    }

    fn store(&mut self, sequence: u64) {
        self.next = self.next.max(sequence + 1);
        self.stored += 1;
        if let Some(pending) = self.pending.remove(&sequence) {
            for index in pending.holds.into_iter().flatten() {
                self.hold(index, |held| held.needs -= 1);
            }
        }
    }

    fn hold(&mut self, index: u64, change: impl FnOnce(&mut Held)) {
        if let Some(held) = self.segments.iter_mut().find(|held| held.index == index) {
            change(held);
        }
    }

    fn clean(&mut self) {
        while let Some(Held { index, needs: 0, read: true }) = self.segments.front() {
            if let Err(error) = self.spool.delete(*index) {
                tracing::error!(%error, index, "a segment of the spool cannot be removed");
            }
            self.segments.pop_front();
        }
    }

    /// How long ago the request ended that waits for the longest.
    fn late(&self) -> Duration {
        let Some(pending) = self.pending.values().next() else { return Duration::ZERO };
        let took = chrono::TimeDelta::milliseconds(i64::from(pending.record.duration_ms));
        (self.clock.now() - (pending.record.at + took)).to_std().unwrap_or_default()
    }

    fn report(&self) {
        telemetry::spool(self.spool.closed() - self.stored, self.late(), self.spool.bytes());
    }
}

#[cfg(test)]
mod tests;
