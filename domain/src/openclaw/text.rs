//! The text of a configuration as it is kept: bounded, and small in the store.

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fmt,
    io::{Read, Write},
};

/// The largest configuration, in bytes.
pub const MAX_CONFIG: usize = 256 * 1024;
/// What is longer is kept compressed: a bot's stream is read with every command to it.
const LONG: usize = 2048;

/// A configuration's text, at most [`MAX_CONFIG`] bytes, without NUL.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct ConfigText(String);

/// A text that is no configuration's, whatever stands in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAConfig {
    /// It is too long.
    #[error("must have at most {MAX_CONFIG} bytes")]
    TooLong,
    /// It cannot be stored.
    #[error("must not hold the character NUL")]
    Nul,
    /// The stored form is damaged.
    #[error("cannot be decompressed")]
    Damaged,
}

/// As it stands in an event: in plain text, or deflated (RFC 1951) in base64.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Stored {
    Text(String),
    Deflated(String),
}

impl ConfigText {
    /// Checked for its size only.
    pub fn new(text: String) -> Result<Self, NotAConfig> {
        if text.len() > MAX_CONFIG {
            return Err(NotAConfig::TooLong);
        }
        if text.contains('\0') {
            return Err(NotAConfig::Nul);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its SHA-256, in hexadecimal.
    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }

    /// Bytes that its stored form has.
    pub fn stored_bytes(&self) -> u64 {
        let (Stored::Text(text) | Stored::Deflated(text)) = Stored::from(self.clone());
        text.len() as u64
    }
}

impl fmt::Debug for ConfigText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfigText({} bytes)", self.0.len())
    }
}

impl From<ConfigText> for Stored {
    fn from(ConfigText(text): ConfigText) -> Self {
        if text.len() < LONG {
            return Self::Text(text);
        }
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        // Into memory, which does not fail.
        match encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()) {
            Ok(bytes) if bytes.len() < text.len() / 4 * 3 => Self::Deflated(STANDARD.encode(bytes)),
            _ => Self::Text(text),
        }
    }
}

impl TryFrom<Stored> for ConfigText {
    type Error = NotAConfig;
    fn try_from(stored: Stored) -> Result<Self, NotAConfig> {
        let text = match stored {
            Stored::Text(text) => text,
            Stored::Deflated(base64) => {
                let bytes = STANDARD.decode(base64).map_err(|_| NotAConfig::Damaged)?;
                let mut text = String::new();
                // One byte more than there may be tells a text that is too long.
                let mut bounded = DeflateDecoder::new(bytes.as_slice()).take(MAX_CONFIG as u64 + 1);
                bounded.read_to_string(&mut text).map_err(|_| NotAConfig::Damaged)?;
                text
            }
        };
        Self::new(text)
    }
}
