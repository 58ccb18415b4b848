//! A price row: what a vendor's model costs, as an administrator says it. It stands over the bundled price list.
//!
//! Rows are the whole platform's. One stream a row; its version, `price/<id>@<sequence>`, names exactly what was said.

pub mod commands;
pub mod events;
mod parts;
mod rates;
mod state;

pub use commands::{PriceCommand, PriceRefusal};
pub use events::PriceEvent;
pub use rates::{MAX_COST, MAX_RATE, Rates};
pub use state::{Price, PriceRow, PriceScope, VersionedPrice};

#[cfg(test)]
mod tests;
