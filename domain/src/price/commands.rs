//! What can be asked of a price row, and what is decided.

use super::{MAX_RATE, Price, PriceEvent, PriceRow};

/// A command to one row.
#[derive(Clone, Debug)]
pub enum PriceCommand {
    /// Make it.
    Add(PriceRow),
    /// It shall say this instead.
    Change(PriceRow),
    /// It shall say nothing any more.
    Remove,
}

/// Why a command to a row was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceRefusal {
    /// `Add` on a stream that exists.
    #[error("the price row exists already")]
    Exists,
    /// Any other command to a row that does not exist or was removed.
    #[error("there is no such price row")]
    Unknown,
    /// A rate beyond what anything costs.
    #[error("`rates.{field}` must be at most {MAX_RATE}")]
    TooLarge {
        /// Which of the row's rates, as the API names it.
        field: &'static str,
    },
}

pub(super) fn decide(state: &Price, command: PriceCommand) -> Result<Vec<PriceEvent>, PriceRefusal> {
    match (&state.row, command) {
        (Some(_), PriceCommand::Add(_)) => Err(PriceRefusal::Exists),
        (None, PriceCommand::Add(row)) => set(row, None),
        (Some(now), PriceCommand::Change(row)) if !state.removed => set(row, Some(now)),
        (Some(now), PriceCommand::Remove) if !state.removed => {
            Ok(vec![PriceEvent::Removed { scope: now.scope.clone() }])
        }
        (_, PriceCommand::Change(_) | PriceCommand::Remove) => Err(PriceRefusal::Unknown),
    }
}

fn set(row: PriceRow, now: Option<&PriceRow>) -> Result<Vec<PriceEvent>, PriceRefusal> {
    for (field, rate) in row.rates.named() {
        if rate > MAX_RATE {
            return Err(PriceRefusal::TooLarge { field });
        }
    }
    if now == Some(&row) {
        return Ok(Vec::new());
    }
    let replaces = now.map(|now| &now.scope).filter(|scope| **scope != row.scope).cloned();
    Ok(vec![PriceEvent::Set { row, replaces }])
}
