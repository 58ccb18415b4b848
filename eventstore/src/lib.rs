//! The events table and everything that must be right around it.
//!
//! `Executor` takes commands and appends what they decide; `UsageAppender` appends what the proxy
//! metered; `Feed` reads all of it in one gap-free order; `Checkpoints` remember how far a reader came;
//! `Vault` keeps the data keys that seal secrets. Only this crate knows the events table.

pub mod append;
pub mod checkpoint;
pub mod claims;
pub mod database;
pub mod dead_letter;
pub mod error;
pub mod executor;
pub mod feed;
pub mod host_lease;
pub mod issuer;
pub mod leader;
pub mod payload;
pub mod position;
pub mod precedence;
pub mod progress;
pub mod restore;
pub mod usage;
pub mod vault;
pub mod wakeup;

pub use checkpoint::Checkpoints;
pub use claims::ClaimTable;
pub use dead_letter::DeadLetters;
pub use error::{ExecuteError, StoreError};
pub use executor::{Committed, Context, Executor, Idempotency};
pub use feed::{Batch, Feed, Filter, RecordedEvent};
pub use host_lease::{HostLeases, Tried};
pub use issuer::{IssueError, TokenIssuer, Wanted};
pub use leader::Leader;
pub use payload::Payload;
pub use position::Position;
pub use precedence::Precedence;
pub use progress::{JobProgress, Progress};
pub use usage::{Stored, UsageAppender};
pub use vault::{MasterKey, Vault, VaultError};
pub use wakeup::{Listener, Wakeup};

/// The stream types that commands write to: everything but usage.
pub const COMMAND_STREAMS: &[&str] =
    &["backup", "backup_schedule", "bot", "host", "provider_key", "quota", "session", "tenant", "user"];
