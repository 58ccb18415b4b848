//! A bot: one OpenClaw instance, what it should be and what was last seen of it.

pub mod commands;
pub mod events;
pub mod fallbacks;
mod state;

pub use commands::{BotCommand, BotRefusal, CreateBot, Observation};
pub use events::BotEvent;
pub use fallbacks::{BadFallback, Fallback};
pub use state::{Bot, BotState, Desired, GatewayToken, Limits, ModelChoice};

#[cfg(test)]
mod tests;
