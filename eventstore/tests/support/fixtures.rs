//! Time, ids and metadata as tests want them: the same in every run.

use clawplane_domain::{
    Actor, Metadata, TenantId, Timestamp,
    clock::{Clock, Ids},
};
use sqlx::types::{Uuid, chrono::DateTime};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

/// 2026-03-01T12:00:00Z, when all tests happen.
const NOON_MICROS: i64 = 1_772_366_400_000_000;

/// A clock that stands still until it is moved. Clones share one time.
#[derive(Clone, Debug)]
pub struct FixedClock(Arc<AtomicI64>);

impl Default for FixedClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(NOON_MICROS)))
    }
}

impl FixedClock {
    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// Ids that count from 1. Clones share one count, so that nothing repeats.
#[derive(Clone, Debug, Default)]
pub struct CountingIds(Arc<AtomicU64>);

impl Ids for CountingIds {
    fn uuid(&self) -> Uuid {
        let count = u128::from(self.0.fetch_add(1, Ordering::SeqCst) + 1);
        let millis = u128::from(NOON_MICROS.unsigned_abs() / 1000);
        Uuid::from_u128(millis << 80 | 0x7 << 76 | 0b10 << 62 | count)
    }

    fn random(&self) -> [u8; 32] {
        let count = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        let mut bytes = [0xA5; 32];
        bytes[..8].copy_from_slice(&count.to_le_bytes());
        bytes[24..].copy_from_slice(&count.to_be_bytes());
        bytes
    }
}

/// The metadata of a command that the test itself gives.
pub fn metadata(tenant: TenantId) -> Metadata {
    let at = FixedClock::default().now();
    Metadata { tenant_id: tenant, actor: Actor::system("test"), at, request_id: None, causation: None }
}
