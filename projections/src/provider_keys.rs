//! The read model of provider keys: everything about them but their secrets, with when they were last used.

pub(crate) mod apply;
mod query;

pub use query::{KeyRow, Keys};
