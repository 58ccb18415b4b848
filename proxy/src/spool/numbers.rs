//! A set of numbers as runs: a stream's numbers have few holes, so millions of them take a few bytes.

use std::collections::BTreeMap;

/// Numbers, by the first and the last of each run; no two runs touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers(BTreeMap<u64, u64>);

impl Numbers {
    /// Adds every number of a run.
    pub(crate) fn insert_run(&mut self, (mut first, mut last): (u64, u64)) {
        if first > last {
            return;
        }
        // Whatever overlaps or touches from the left, then from the right, becomes one with it.
        if let Some((&start, &end)) = self.0.range(..=first).next_back()
            && end.saturating_add(1) >= first
        {
            (first, last) = (start, last.max(end));
        }
        while let Some((&start, &end)) = self.0.range(first..=last.saturating_add(1)).next() {
            self.0.remove(&start);
            last = last.max(end);
        }
        self.0.insert(first, last);
    }

    pub(crate) fn insert(&mut self, number: u64) {
        self.insert_run((number, number));
    }

    pub(crate) fn remove(&mut self, number: u64) {
        let Some((&first, &last)) = self.0.range(..=number).next_back() else { return };
        if last < number {
            return;
        }
        self.0.remove(&first);
        if first < number {
            self.0.insert(first, number - 1);
        }
        if number < last {
            self.0.insert(number + 1, last);
        }
    }

    #[cfg(test)]
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.0.range(..=number).next_back().is_some_and(|(_, last)| *last >= number)
    }

    /// The lowest number from `from` on that is not in the set.
    pub(crate) fn vacant(&self, from: u64) -> u64 {
        match self.0.range(..=from).next_back() {
            Some((_, &last)) if last >= from => last + 1,
            _ => from,
        }
    }

    pub(crate) fn first(&self) -> Option<u64> {
        self.0.first_key_value().map(|(first, _)| *first)
    }

    pub(crate) fn last(&self) -> Option<u64> {
        self.0.last_key_value().map(|(_, last)| *last)
    }

    #[cfg(test)]
    pub(crate) fn runs(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().map(|(first, last)| (*first, *last))
    }
}

#[cfg(test)]
mod tests;
