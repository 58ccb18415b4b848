//! A provider key: a vendor's API key, which only the proxy ever sees in plain text.

pub mod commands;
pub mod events;
mod state;

pub use commands::{AddKey, KeyCommand, KeyRefusal};
pub use events::KeyEvent;
pub use state::{ApiType, OnDisconnect, ProviderKey};

#[cfg(test)]
mod tests;
