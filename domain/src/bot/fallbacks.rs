//! Vendors that answer for a bot in the place of others, where those cannot.
//!
//! The entries of the vendor that was asked count, in their order, and no others: a stand-in has no stand-ins of its own,
//! so that nothing can go in a circle.

use super::BotRefusal;
use crate::values::{ModelId, VendorId};
use serde::{Deserialize, Serialize};

/// Most fallbacks of one bot.
pub const MAX_FALLBACKS: usize = 16;
/// Most fallbacks of one vendor.
pub const MAX_FALLBACKS_A_VENDOR: usize = 4;

/// One vendor in the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fallback {
    /// The vendor that is asked.
    pub from: VendorId,
    /// The vendor that answers when no key of the asked one can.
    pub to: VendorId,
    /// The model that it is asked for; the same name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFallback {
    /// It would be asked what it could not answer.
    #[error("must be another vendor than `from`")]
    Itself,
    /// A vendor that failed would be asked once more.
    #[error("stands in for this vendor already")]
    Twice,
    /// A request must end at some time.
    #[error("may have at most {MAX_FALLBACKS_A_VENDOR} fallbacks")]
    TooMany,
}

impl BadFallback {
    /// The field of the entry that is wrong.
    pub fn field(self) -> &'static str {
        match self {
            Self::Itself | Self::Twice => "to",
            Self::TooMany => "from",
        }
    }
}

/// The lists are short, and every stand-in of a vendor is another one.
pub(super) fn check(fallbacks: &[Fallback]) -> Result<(), BotRefusal> {
    if fallbacks.len() > MAX_FALLBACKS {
        return Err(BotRefusal::TooMany { field: "fallbacks", max: MAX_FALLBACKS });
    }
    for (at, one) in fallbacks.iter().enumerate() {
        let earlier = || fallbacks.iter().take(at).filter(|earlier| earlier.from == one.from);
        let why = if one.to == one.from {
            BadFallback::Itself
        } else if earlier().any(|earlier| earlier.to == one.to) {
            BadFallback::Twice
        } else if earlier().count() >= MAX_FALLBACKS_A_VENDOR {
            BadFallback::TooMany
        } else {
            continue;
        };
        return Err(BotRefusal::Fallback { at, why });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
