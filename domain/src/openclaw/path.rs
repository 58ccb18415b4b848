//! Paths of files in a bot's workspace: what can be spelled here stays inside of it.

use crate::Invalid;
use std::{fmt, str::FromStr};

/// Longest path, in bytes.
const MAX_PATH: usize = 1024;
/// Longest name of one file or folder, in bytes; Linux has no longer ones.
const MAX_NAME: usize = 255;
/// Deepest folder.
const MAX_FOLDERS: usize = 32;
/// The platform's own files on their way.
const OURS: &str = ".clawplane.";

/// The way from the workspace's folder to a file or folder in it, by names that each are one step down. No link is
/// followed on it: see whoever opens it. The empty one is the workspace itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspacePath(Vec<String>);

impl WorkspacePath {
    /// The folders on the way, and the last name; `None` for the workspace itself.
    pub fn split_last(&self) -> Option<(&[String], &str)> {
        self.0.split_last().map(|(name, folders)| (folders, name.as_str()))
    }

    /// Every step of the way.
    pub fn steps(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for WorkspacePath {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |why: &str| Err(Invalid(why.to_owned()));
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.len() > MAX_PATH {
            return invalid("must have at most 1024 bytes");
        }
        if text.starts_with('/') {
            return invalid("must be relative to the workspace");
        }
        if text.chars().any(char::is_control) {
            return invalid("must have no control characters");
        }
        let steps: Vec<_> = text.strip_suffix('/').unwrap_or(text).split('/').map(str::to_owned).collect();
        if steps.len() > MAX_FOLDERS {
            return invalid("must have at most 32 steps");
        }
        for step in &steps {
            match step.as_str() {
                "" | "." | ".." => return invalid("must not have empty steps, `.` or `..`"),
                step if step.len() > MAX_NAME => return invalid("must have names of at most 255 bytes"),
                step if step.starts_with(OURS) => return invalid("must not begin with `.clawplane.`"),
                _ => {}
            }
        }
        Ok(Self(steps))
    }
}

impl fmt::Display for WorkspacePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

#[cfg(test)]
mod tests;
