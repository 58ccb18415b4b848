//! The read model of single requests: one row each, as `GET .../usage/logs` gives it.

pub(crate) mod apply;
mod query;

pub use query::UsageLogRow;
pub(crate) use query::tokens;
