//! The read model of provider keys: everything about them but their secrets, with when they were last used.

pub(crate) mod apply;
mod health;
mod query;

pub use query::{KeyHealth, KeyRow, KeyState, Keys};
