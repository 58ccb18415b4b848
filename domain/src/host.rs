//! A host: a machine with a container engine, on which bots are placed. Hosts are the installation's, of no tenant.

pub mod address;
pub mod commands;
pub mod events;
pub mod placement;
mod state;

pub use address::{DataDir, EngineAddress};
pub use commands::{AddHost, HostChange, HostCommand, HostRefusal};
pub use events::HostEvent;
pub use placement::{Candidate, NoRoom, Room, Wish, place};
pub use state::{Capacity, Host, HostProfile, Measured, TlsIdentity, Unreachable};

/// The name of the machine that the platform itself runs on.
pub const LOCAL_NAME: &str = "local";

#[cfg(test)]
mod tests;
