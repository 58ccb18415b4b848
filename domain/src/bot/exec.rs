//! Commands that an administrator runs in a bot's container: what the log says of them, before and after.
//!
//! What they print is nobody's business but the administrator's and is not recorded.

use super::BotRefusal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest command line that an event holds, in characters; the digest is of all of it.
pub const MAX_COMMAND: usize = 2000;
/// Most arguments of a command.
pub const MAX_ARGUMENTS: usize = 64;
/// Longest time that a command may take, in seconds.
pub const MAX_SECONDS: u32 = 300;

/// A command that is about to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecRequest {
    /// Ties its end to it.
    pub exec_id: Uuid,
    /// The arguments, for people: what looks like a secret is taken out, and what is too long is cut.
    pub command: String,
    /// SHA-256 of the arguments as they were given, each with a NUL behind it, in hex.
    pub command_digest: String,
    /// How many there are.
    pub arguments: u32,
    /// How many bytes it is given to read.
    #[serde(default)]
    pub stdin_bytes: u64,
    /// After so many seconds it is ended.
    pub timeout_seconds: u32,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecOutcome {
    /// Which one.
    pub exec_id: Uuid,
    /// What it ended with; `None` where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// It was ended because its time was over.
    #[serde(default)]
    pub timed_out: bool,
    /// From its start to its end, in milliseconds.
    pub duration_ms: u64,
    /// Bytes that it printed, as far as they were read.
    pub output_bytes: u64,
    /// Why it did not run, or was not followed to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ExecRequest {
    pub(super) fn check(mut self) -> Result<Self, BotRefusal> {
        if self.arguments == 0 {
            return Err(BotRefusal::AllowsNothing { field: "cmd" });
        }
        if usize::try_from(self.arguments).map_or(true, |count| count > MAX_ARGUMENTS) {
            return Err(BotRefusal::TooMany { field: "cmd", max: MAX_ARGUMENTS });
        }
        if !(1..=MAX_SECONDS).contains(&self.timeout_seconds) {
            return Err(BotRefusal::ExecTooLong);
        }
        self.command = tidy(&self.command);
        Ok(self)
    }
}

impl ExecOutcome {
    pub(super) fn tidied(mut self) -> Self {
        self.error = self.error.as_deref().map(tidy);
        self
    }
}

/// Without what Postgres or a terminal would choke on, and not too long.
fn tidy(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_COMMAND).collect()
}
