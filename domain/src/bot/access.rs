//! What a bot may reach through the proxy: vendors and models, where its owner narrows them.
//!
//! What is absent is not narrowed. A list has at least one entry: an empty one could be read as "all" and as "nothing".

use super::BotRefusal;
use crate::values::{ModelPattern, VendorId};
use serde::{Deserialize, Serialize};

/// Most entries of each list.
pub const MAX_ALLOWED: usize = 128;

/// The vendors and models that a bot may use; `None` is all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// Patterns of models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_models: Option<Vec<ModelPattern>>,
    /// Vendors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_vendors: Option<Vec<VendorId>>,
}

impl Access {
    /// Whether nothing is narrowed.
    pub fn is_open(&self) -> bool {
        self.allowed_models.is_none() && self.allowed_vendors.is_none()
    }

    /// Whether the vendor of this id may be used.
    pub fn allows_vendor(&self, vendor: &str) -> bool {
        self.allowed_vendors.as_ref().is_none_or(|all| all.iter().any(|one| one.as_str() == vendor))
    }

    /// Whether this model may be used.
    pub fn allows_model(&self, model: &str) -> bool {
        self.allowed_models.as_ref().is_none_or(|all| all.iter().any(|one| one.matches(model)))
    }

    /// Every list has entries, and not too many.
    pub(super) fn check(&self) -> Result<(), BotRefusal> {
        bounded("allowedModels", self.allowed_models.as_ref().map(Vec::len))?;
        bounded("allowedVendors", self.allowed_vendors.as_ref().map(Vec::len))
    }
}

fn bounded(field: &'static str, len: Option<usize>) -> Result<(), BotRefusal> {
    match len {
        Some(0) => Err(BotRefusal::AllowsNothing { field }),
        Some(len) if len > MAX_ALLOWED => Err(BotRefusal::TooMany { field, max: MAX_ALLOWED }),
        _ => Ok(()),
    }
}
