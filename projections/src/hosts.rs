//! The read model of hosts: the machines that bots are placed on, and how they are.

pub(crate) mod apply;
mod query;

pub use query::{HostRow, Hosts};
