//! What one epoch left, and what has to be written down about it so that its stream has no hole.
//!
//! The uploader of a living process never sends a number while a lower one is missing. So whatever is above the first
//! hole has not been sent, and may get another number.

use super::super::{Entry, Reader, numbers::Numbers, segment::Old};
use crate::ports::Stored;
use clawplane_domain::{RequestId, usage::UsageRecorded};
use std::{collections::BTreeMap, fs, io};

/// What one epoch left on the disk.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) stream: Option<String>,
    /// Intents without an outcome.
    pub(super) open: BTreeMap<RequestId, UsageRecorded>,
    pub(super) numbers: Numbers,
    moved: BTreeMap<u64, u64>,
    /// That of the oldest segment.
    base: Option<u64>,
    pub(super) corrupt: u64,
}

impl Survey {
    pub(super) fn of(segments: &[Old]) -> io::Result<Self> {
        let mut survey = Self::default();
        for old in segments {
            let mut reader = Reader::default();
            reader.push(&fs::read(&old.path)?);
            let mut headed = false;
            while let Some(entry) = reader.next(false) {
                headed |= matches!(entry, Entry::Stream(_));
                survey.take(entry);
            }
            // Without the oldest segment's own, nothing is known of where its numbers begin.
            survey.base = survey.base.or((!headed).then_some(0));
            survey.corrupt += reader.corrupt;
        }
        Ok(survey)
    }

    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Stream(head) => {
                self.base = self.base.or(Some(head.base));
                self.stream = Some(head.stream);
            }
            Entry::Intent(draft) => {
                self.open.insert(draft.request_id, *draft);
            }
            Entry::Outcome(number, outcome) => {
                self.numbers.insert(number);
                self.open.remove(&outcome.request_id);
            }
            Entry::Moved(from, to) => {
                self.numbers.remove(from);
                self.numbers.insert(to);
                self.moved.insert(from, to);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.numbers.first().is_none()
    }

    /// The lowest number that anything of this epoch that is still on the disk can have.
    pub(super) fn from(&self) -> u64 {
        let base = self.base.unwrap_or(0) + 1;
        self.numbers.first().map_or(base, |first| first.min(base))
    }
}

/// What is to be written down before anything is uploaded.
#[derive(Default)]
pub(super) struct Plan {
    /// Intents that nothing more was heard of, with their numbers.
    pub(super) close: Vec<(u64, UsageRecorded)>,
    /// Outcomes that go from one number to another: new ones.
    pub(super) moving: Vec<(u64, u64)>,
    /// All of them, those of an earlier recovery too.
    pub(super) moved: BTreeMap<u64, u64>,
    pub(super) base: u64,
}

impl Plan {
    pub(super) fn of(survey: Survey, stored: &Stored) -> Self {
        let base = survey.base.unwrap_or(0);
        let Survey { mut open, mut numbers, moved, .. } = survey;
        // Its outcome is lost with the machine's memory, and was stored before that.
        for id in &stored.known {
            open.remove(id);
        }
        let mut taken = numbers.clone();
        stored.runs.iter().for_each(|run| taken.insert_run(*run));
        let mut next = stored.below + 1;
        let mut plan = Self { moved, base, ..Self::default() };
        for draft in open.into_values() {
            next = taken.vacant(next);
            taken.insert(next);
            numbers.insert(next);
            plan.close.push((next, draft));
        }
        // Numbers that were given to requests which never went upstream, and died with the process.
        loop {
            next = taken.vacant(next);
            let Some(last) = numbers.last().filter(|last| *last > next) else { return plan };
            if stored.runs.iter().any(|(first, end)| (*first..=*end).contains(&last)) {
                tracing::error!(missing = next, "a number of the usage stream is missing for ever");
                return plan;
            }
            numbers.remove(last);
            numbers.insert(next);
            taken.remove(last);
            taken.insert(next);
            plan.moving.push((last, next));
            plan.moved.insert(last, next);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.close.is_empty() && self.moving.is_empty()
    }
}
