//! What a price row is.

use super::{PriceCommand, PriceEvent, PriceRefusal, Rates};
use crate::{
    Decide, PriceId, Timestamp,
    values::{ModelPattern, VendorId},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a row is for. Two rows never have the same one, so that there is always one that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceScope {
    /// The vendor, a row of the vendor table.
    pub vendor: VendorId,
    /// The model, or the beginning of the names of several.
    pub model: ModelPattern,
    /// It counts for requests that arrive from then on; always where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
}

impl fmt::Display for PriceScope {
    /// No part has spaces, so that different scopes are different texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.vendor, self.model)?;
        match self.valid_from {
            Some(from) => write!(f, " {}", from.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
            None => Ok(()),
        }
    }
}

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceRow {
    /// What it is for.
    #[serde(flatten)]
    pub scope: PriceScope,
    /// What that costs.
    pub rates: Rates,
}

/// A row as it is in force, with what names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionedPrice {
    /// Its id, which also is its stream's.
    pub id: PriceId,
    /// The sequence in the stream of the event that said this.
    pub sequence: u64,
    /// What it says.
    pub row: PriceRow,
}

impl VersionedPrice {
    /// `price/<id>@<sequence>`, as usage events carry it.
    pub fn version(&self) -> String {
        format!("price/{}@{}", self.id, self.sequence)
    }
}

/// The aggregate. `Default` is the state before the first `price.set`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// What it says, or said last.
    pub row: Option<PriceRow>,
    /// Removed rows stay known, so that their ids are never used again.
    pub removed: bool,
    /// How many events there were: the sequence of the last one.
    pub sequence: u64,
}

impl Price {
    /// The row, if it is in force.
    pub fn in_force(&self, id: PriceId) -> Option<VersionedPrice> {
        let row = self.row.clone().filter(|_| !self.removed)?;
        Some(VersionedPrice { id, sequence: self.sequence, row })
    }
}

impl Decide for Price {
    type Command = PriceCommand;
    type Event = PriceEvent;
    type Refusal = PriceRefusal;

    fn decide(&self, command: PriceCommand) -> Result<Vec<PriceEvent>, PriceRefusal> {
        super::commands::decide(self, command)
    }

    fn evolve(&mut self, event: PriceEvent) {
        self.sequence += 1;
        match event {
            PriceEvent::Set { row, .. } => self.row = Some(row),
            PriceEvent::Removed { .. } => self.removed = true,
        }
    }
}

crate::aggregate::impl_aggregate!(Price, "price");
