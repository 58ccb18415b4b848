//! The master key: 32 bytes, written in hex or base64, shown to nobody.

use base64::{Engine, alphabet, engine};
use clawplane_domain::Secret;
use std::fmt;
use zeroize::Zeroizing;

/// Both alphabets occur in the wild, and padding is lost easily.
const PADDING: engine::GeneralPurposeConfig =
    engine::GeneralPurposeConfig::new().with_decode_padding_mode(engine::DecodePaddingMode::Indifferent);
const STANDARD: engine::GeneralPurpose = engine::GeneralPurpose::new(&alphabet::STANDARD, PADDING);
const URL_SAFE: engine::GeneralPurpose = engine::GeneralPurpose::new(&alphabet::URL_SAFE, PADDING);

/// 32 secret bytes. Their memory is overwritten when they are dropped.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// A text that is not a key; says nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not 32 bytes in hex (64 digits) or base64 (44 characters)")]
pub struct KeyFault;

impl MasterKey {
    /// Takes 32 bytes over.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
    /// Reads 64 hex digits or base64, standard or URL-safe, with or without padding; white space around it is ignored.
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        let text = text.trim();
        let bytes = Zeroizing::new(match text.len() {
            64 => hex::decode(text).map_err(|_| KeyFault)?,
            _ => STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).map_err(|_| KeyFault)?,
        });
        let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| KeyFault)?;
        Ok(Self::new(bytes))
    }
    /// The bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
    /// As 64 hex digits.
    pub fn to_hex(&self) -> Secret {
        Secret::new(hex::encode(*self.0))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(***)")
    }
}

#[cfg(test)]
mod tests;
