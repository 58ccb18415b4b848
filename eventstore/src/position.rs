//! A place in the feed.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// A place in the feed: everything at or before it has been read. Opaque to clients, written `<tx>-<n>`.
///
/// The order is that of (transaction id, global position), not of the position alone: see
/// [`crate::Feed`] for why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Postgres's 64-bit transaction id (`xid8`).
    pub tx_id: u64,
    /// The identity value of the row.
    pub global: i64,
}

impl Position {
    /// Before the first event.
    pub const START: Self = Self { tx_id: 0, global: 0 };

    /// As sqlx can bind it: it has no `xid8`, so the text is cast in SQL.
    pub(crate) fn tx_text(self) -> String {
        self.tx_id.to_string()
    }

    /// From the text and the number that a query returns.
    pub(crate) fn from_row(tx_id: &str, global: i64) -> Result<Self, sqlx::Error> {
        let tx_id = tx_id.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        Ok(Self { tx_id, global })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.tx_id, self.global)
    }
}

/// A text that is not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position looks like `123-456`")]
pub struct NotAPosition;

impl FromStr for Position {
    type Err = NotAPosition;
    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let (tx_id, global) = text.split_once('-').ok_or(NotAPosition)?;
        let tx_id = tx_id.parse().map_err(|_| NotAPosition)?;
        let global = global.parse().ok().filter(|n| *n >= 0).ok_or(NotAPosition)?;
        Ok(Self { tx_id, global })
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
