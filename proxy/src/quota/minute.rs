//! Rates in any minute: a ring of one-second buckets.

use clawplane_domain::Timestamp;

/// One more than a minute has: with the present second only begun, 60 full ones before it are a whole minute.
const BUCKETS: usize = 61;

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    second: i64,
    requests: u64,
    tokens: u64,
}

/// What happened in the last minute.
#[derive(Debug)]
pub(super) struct Minute([Bucket; BUCKETS]);

impl Default for Minute {
    fn default() -> Self {
        Self([Bucket::default(); BUCKETS])
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Requests,
    Tokens,
}

impl Bucket {
    fn count(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Requests => self.requests,
            Kind::Tokens => self.tokens,
        }
    }
}

impl Minute {
    /// Counts in the second of `at`, unless it is more than a minute before the last one that was counted in.
    pub(super) fn add(&mut self, at: Timestamp, requests: u64, tokens: u64) {
        let second = at.timestamp();
        let bucket = self.bucket(second);
        if bucket.second < second {
            *bucket = Bucket { second, ..Bucket::default() };
        }
        if bucket.second == second {
            bucket.requests = bucket.requests.saturating_add(requests);
            bucket.tokens = bucket.tokens.saturating_add(tokens);
        }
    }

    /// Takes back a request that was counted at `at` and did not go on.
    pub(super) fn uncount(&mut self, at: Timestamp) {
        let second = at.timestamp();
        let bucket = self.bucket(second);
        if bucket.second == second {
            bucket.requests = bucket.requests.saturating_sub(1);
        }
    }

    fn bucket(&mut self, second: i64) -> &mut Bucket {
        &mut self.0[usize::try_from(second.rem_euclid(61)).unwrap_or(0)]
    }

    pub(super) fn requests(&self, now: Timestamp) -> u64 {
        self.recent(now).map(|bucket| bucket.requests).sum()
    }

    pub(super) fn tokens(&self, now: Timestamp) -> u64 {
        self.recent(now).map(|bucket| bucket.tokens).fold(0, u64::saturating_add)
    }

    fn recent(&self, now: Timestamp) -> impl Iterator<Item = &Bucket> {
        let second = now.timestamp();
        self.0.iter().filter(move |bucket| bucket.second > second - 61 && bucket.second <= second)
    }

    /// Seconds until less than `limit` is counted, if nothing is added; 1 where that is the case already.
    pub(super) fn free_in(&self, now: Timestamp, limit: u64, kind: Kind) -> u64 {
        let mut buckets: Vec<_> = self.recent(now).filter(|bucket| bucket.count(kind) > 0).collect();
        buckets.sort_unstable_by_key(|bucket| bucket.second);
        let mut sum = buckets.iter().map(|bucket| bucket.count(kind)).fold(0, u64::saturating_add);
        for bucket in buckets {
            sum -= bucket.count(kind);
            if sum < limit {
                return u64::try_from(bucket.second + 61 - now.timestamp()).unwrap_or(1);
            }
        }
        1
    }
}
