//! Real time and real chance, for the traits of `domain::clock`.

use chrono::{SubsecRound, Utc};
use clawplane_domain::{
    Timestamp,
    clock::{Clock, Ids},
};
use uuid::Uuid;

/// The system's clock, in the microseconds that Postgres keeps.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Utc::now().trunc_subsecs(6)
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }

    #[expect(
        clippy::expect_used,
        reason = "without randomness from the system no key is safe, and there is no way on"
    )]
    fn random(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the operating system gives no randomness");
        bytes
    }
}
