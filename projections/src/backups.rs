//! The read model of backups, and of the rules by which they are made.

pub(crate) mod apply;
mod query;

pub use query::{BackupFilter, BackupRow, Backups, ScheduleRow};
