//! A text that must not be seen: it cannot be printed, serialised or compared by accident.

use serde::{Deserialize, Deserializer};
use std::fmt;
use zeroize::Zeroizing;

/// A secret text. Its memory is overwritten when it is dropped.
///
/// There is no `Display` and no `Serialize`, and `Debug` shows nothing of it. Use [`Secret::expose`]
/// where the plain text really has to leave.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
    /// The plain text.
    pub fn expose(&self) -> &str {
        &self.0
    }
    /// Length in bytes, for limits.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests;
