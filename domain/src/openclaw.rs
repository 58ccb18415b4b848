//! `openclaw.json`, the configuration that OpenClaw reads, as a text that belongs to two: the platform says how the bot
//! is reached and how it reaches its models, people say everything else.
//!
//! It is JSON5, and what people wrote (comments, order, quotes) stays byte by byte. In what is stored and shown the
//! gateway token and the proxy's address are placeholders ([`fill`] and [`masked`] go from one form to the other), so a
//! version holds no secret and is good on every host. [`checked`] lets in what a person may save, [`renewed`] puts the
//! platform's keys into any text and leaves the rest alone.

mod check;
mod fill;
mod merge;
mod path;
pub mod platform;
mod text;
mod token;

pub use check::{Fault, MAX_DEPTH, checked, reload};
pub use fill::{Filling, PROXY, TOKEN, fill, masked};
pub use merge::renewed;
pub use path::WorkspacePath;
pub use text::{ConfigText, MAX_CONFIG, NotAConfig};
pub use token::replaced as tokens_replaced;

#[cfg(test)]
mod tests;
