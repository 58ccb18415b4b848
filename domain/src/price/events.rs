//! What happens to a price row.

use super::{PriceRow, PriceScope};
use crate::claim::{Claim, Claims, Scope};
use serde::{Deserialize, Serialize};

/// An event of a row's stream (`price`, the row's id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
#[expect(clippy::large_enum_variant, reason = "nearly all of these events are the large one")]
pub enum PriceEvent {
    /// The row says this, instead of all that it said before. Takes its scope.
    #[serde(rename = "price.set")]
    Set {
        /// What it says.
        #[serde(flatten)]
        row: PriceRow,
        /// What it was for before, where that is another scope: it is free again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<PriceScope>,
    },
    /// The row says nothing any more.
    #[serde(rename = "price.removed")]
    Removed {
        /// What it was for, which is free again.
        #[serde(flatten)]
        scope: PriceScope,
    },
}

crate::aggregate::impl_event!(PriceEvent {
    Set => "price.set" @ "1",
    Removed => "price.removed" @ "1",
});

impl Claims for PriceEvent {
    fn takes(&self) -> Vec<Claim> {
        match self {
            Self::Set { row, .. } => vec![claim(&row.scope)],
            Self::Removed { .. } => Vec::new(),
        }
    }

    /// A row that is set again gives back its own scope, to take it again: nobody else could get it in between.
    fn releases(&self) -> Vec<Claim> {
        match self {
            Self::Set { row, replaces } => std::iter::once(&row.scope).chain(replaces).map(claim).collect(),
            Self::Removed { scope } => vec![claim(scope)],
        }
    }
}

fn claim(scope: &PriceScope) -> Claim {
    Claim::new(Scope::Price, scope)
}
