//! The read model of bots' configurations: every version that was saved, with its text.

pub(crate) mod apply;
mod query;

pub use query::{BotConfigs, ConfigVersion};
