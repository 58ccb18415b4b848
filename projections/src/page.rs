//! Pages by cursor: a list goes on after the last row that was given, however many rows came or went meanwhile.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clawplane_eventstore::StoreError;
use serde::{Serialize, Serializer, de::DeserializeOwned};
use std::{fmt, str::FromStr};

/// Most rows of one page.
pub const MAX_PAGE: u32 = 1000;
/// Longest text of a cursor: the longest sort key (a hostname and an id) stays well below.
const MAX_CURSOR: usize = 512;

/// A place in a list. Opaque to clients; it holds the sort key of the last row of a page and grants nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(String);

/// A text that is no cursor, or the cursor of another list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one of this list")]
pub struct InvalidCursor;

/// Why a page could not be given.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The client's fault.
    #[error(transparent)]
    InvalidCursor(#[from] InvalidCursor),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for QueryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Some rows of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

impl Cursor {
    /// The cursor of the list `kind` after a row with this sort key.
    pub(crate) fn after<K: Serialize>(kind: &str, key: &K) -> Result<Self, QueryError> {
        let json =
            serde_json::to_vec(&(kind, key)).map_err(|error| StoreError::Unstorable(error.to_string()))?;
        Ok(Self(URL_SAFE_NO_PAD.encode(json)))
    }

    /// The sort key, if this is a cursor of the list `kind`.
    pub(crate) fn key<K: DeserializeOwned>(&self, kind: &str) -> Result<K, InvalidCursor> {
        let json = URL_SAFE_NO_PAD.decode(&self.0).map_err(|_| InvalidCursor)?;
        let (found, key): (String, K) = serde_json::from_slice(&json).map_err(|_| InvalidCursor)?;
        if found == kind { Ok(key) } else { Err(InvalidCursor) }
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let alphabet = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if alphabet && (1..=MAX_CURSOR).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidCursor)
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A page's size within its bounds.
pub(crate) fn bounded(limit: u32) -> u32 {
    limit.clamp(1, MAX_PAGE)
}

/// How many rows a query asks for: one more than the page has shows whether another page follows.
pub(crate) fn asked(limit: u32) -> i64 {
    i64::from(bounded(limit)) + 1
}

impl<T> Page<T> {
    /// From the rows of a query that asked for [`asked`] of them.
    pub(crate) fn cut<K: Serialize>(
        mut items: Vec<T>,
        limit: u32,
        kind: &str,
        key: impl Fn(&T) -> K,
    ) -> Result<Self, QueryError> {
        let size = bounded(limit) as usize;
        let more = items.len() > size;
        items.truncate(size);
        let last = items.last().filter(|_| more);
        let next = last.map(|row| Cursor::after(kind, &key(row))).transpose()?;
        Ok(Self { items, next })
    }
}

#[cfg(test)]
mod tests;
