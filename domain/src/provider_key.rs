//! A provider key: a vendor's API key, which only the proxy ever sees in plain text.

pub mod commands;
mod decisions;
pub mod events;
pub mod health;
mod state;

pub use commands::{AddKey, KeyChange, KeyCommand, KeyRefusal};
pub use events::KeyEvent;
pub use health::{CoolCode, Cooling, DisabledBy, Disabling};
pub use state::{ApiType, OnDisconnect, ProviderKey};

#[cfg(test)]
mod tests;
