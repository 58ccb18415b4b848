//! The read model of price rows: what administrators say that models cost, for the whole platform.

pub(crate) mod apply;
mod query;

pub use query::{PriceEntry, Prices};
