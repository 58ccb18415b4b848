//! A bot: one OpenClaw instance, what it should be and what was last seen of it.

pub mod access;
pub mod commands;
pub mod events;
pub mod fallbacks;
pub mod placement;
mod state;
pub mod token;

pub use access::Access;
pub use commands::{BotCommand, BotRefusal, CreateBot, Observation};
pub use events::BotEvent;
pub use fallbacks::{BadFallback, Fallback};
pub use placement::{Moving, Part, Placement};
pub use state::{Bot, BotProfile, BotState, Desired, Limits, ModelChoice};
pub use token::{EarlierToken, GatewayToken, Replaces, Rotate};

#[cfg(test)]
mod tests;
