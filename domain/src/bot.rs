//! A bot: one OpenClaw instance, what it should be and what was last seen of it.

pub mod access;
pub mod commands;
pub mod config;
pub mod egress;
pub mod events;
pub mod exec;
pub mod fallbacks;
pub mod life;
pub mod placement;
pub mod setup;
mod state;
pub mod token;

pub use access::Access;
pub use commands::{BotCommand, BotRefusal, CreateBot, Observation};
pub use config::{ConfigHead, ConfigOrigin, FileChange, FileContent, SetConfig};
pub use egress::{EgressRule, RefusedEgress};
pub use events::BotEvent;
pub use exec::{ExecOutcome, ExecRequest};
pub use fallbacks::{BadFallback, Fallback};
pub use life::{Changes, Life, LimitsChange, Reshape, Upgrade, UpgradeOutcome};
pub use placement::{Moving, Part, Placement};
pub use setup::{BadVariable, Environment, Features, NewBot, Origin, Setup};
pub use state::{Bot, BotProfile, BotState, DISK_MIB, Desired, Limits, ModelChoice};
pub use token::{EarlierToken, GatewayToken, Replaces, Rotate};

#[cfg(test)]
mod tests;
