//! The read model of sums: usage by hour and by day in UTC, by bot, vendor, model and key.

pub(crate) mod apply;
mod query;
mod types;
mod window;

pub use types::{BreakdownRow, Bucket, By, Range, TrendPoint, UsageTotals};
pub use window::WindowTotals;
