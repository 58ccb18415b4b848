//! The read model of the audit: one row an event, for people. What seals, hashes or wraps is left out of it.

pub(crate) mod apply;
mod query;
mod redact;

pub use query::{AuditFilter, AuditRow, AuditView};
