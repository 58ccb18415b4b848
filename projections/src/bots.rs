//! The read model of bots: what they are, what their owners want, what was last seen of them.

pub(crate) mod apply;
mod query;
mod tenants;

pub use query::{BotHost, BotRow, BotStats, Bots};
pub use tenants::TenantRow;
