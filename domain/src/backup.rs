//! A backup: the folder of one bot as it was at one moment, in a store, encrypted.
//!
//! How far a running backup has come is no event: what is begun is recorded, and how it ended. A backup outlives its
//! bot, so it carries what its bot was made of.

mod commands;
mod events;
mod restore;
mod state;

pub use commands::{BackupCommand, BackupRefusal, Begun, MadeOf, Quiesce, RequestBackup, Sums};
pub use events::{BackupEvent, DeletedBy, Form};
pub use restore::{BeginRestore, RequestRestore, Restore, RestoreState, Restored};
pub use state::{Backup, BackupProfile, BackupState, Verified};

#[cfg(test)]
mod tests;
