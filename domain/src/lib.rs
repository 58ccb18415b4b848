//! What Clawplane decides and what it remembers: events, commands, decisions.
//!
//! Pure: no I/O, no clock, no randomness. Time, ids and hashes come in with the command, so that a
//! decision is a function of state and command and every state can be replayed from its events.
//!
//! One folder an aggregate, each with `events`, `commands` (with the decision) and its state.

pub mod address;
mod aggregate;
pub mod backup;
pub mod backup_schedule;
pub mod bot;
pub mod claim;
pub mod clock;
pub mod host;
pub mod ids;
pub mod metadata;
pub mod openclaw;
pub mod price;
pub mod provider_key;
pub mod quota;
pub mod quota_lease;
pub mod redact;
pub mod sealed;
pub mod secret;
pub mod session;
pub mod tenant;
#[cfg(test)]
mod testing;
pub mod time_zone;
pub mod upkeep;
pub mod usage;
pub mod user;
pub mod values;

pub use aggregate::Decide;
pub use cqrs_es::{Aggregate, DomainEvent};
pub use ids::{
    BackupId, BatchId, BotId, DataKeyId, HostId, KeyId, PriceId, RequestId, RestoreId, ScheduleId, SessionId,
    TenantId, UserId,
};
pub use metadata::{Actor, Metadata};
pub use sealed::{SealedSecret, TokenHash};
pub use secret::Secret;
pub use time_zone::TimeZone;
pub use values::Invalid;

/// A point in time as every event and command carries it: UTC, microseconds are kept.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
