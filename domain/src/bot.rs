//! A bot: one OpenClaw instance, what it should be and what was last seen of it.

pub mod access;
pub mod commands;
pub mod events;
mod state;

pub use access::Access;
pub use commands::{BotCommand, BotRefusal, CreateBot, Observation};
pub use events::BotEvent;
pub use state::{Bot, BotState, Desired, GatewayToken, Limits, ModelChoice};

#[cfg(test)]
mod tests;
