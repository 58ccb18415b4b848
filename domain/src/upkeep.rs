//! Upkeep of the installation: what an administrator had removed that belonged to no bot. A stream an occasion.

use crate::{BotId, Decide, claim::Claims};
use serde::{Deserialize, Serialize};

/// Most leftovers that are removed at once; the next call takes the next ones.
pub const MAX_LEFTOVERS: usize = 1000;

/// What kind of thing is left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeftoverKind {
    /// A container.
    Container,
    /// A network.
    Network,
    /// A volume.
    Volume,
    /// A bot's folder.
    Folder,
}

/// Something on a host that belongs to no bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leftover {
    /// What it is.
    pub kind: LeftoverKind,
    /// The engine's id of it, or its name where that is the id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The bot that it says it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<BotId>,
}

/// The aggregate: one occasion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upkeep {
    /// Its cleanup was asked for.
    pub requested: bool,
}

/// A command to one occasion.
#[derive(Clone, Debug)]
pub enum UpkeepCommand {
    /// Remove these.
    CleanUp(Vec<Leftover>),
}

/// An event of an occasion's stream (`upkeep`, its id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum UpkeepEvent {
    /// These are going to be removed. It is written before the first of them is touched.
    #[serde(rename = "upkeep.cleanup_requested")]
    CleanupRequested {
        /// What.
        leftovers: Vec<Leftover>,
    },
}

crate::aggregate::impl_event!(UpkeepEvent {
    CleanupRequested => "upkeep.cleanup_requested" @ "1",
});
impl Claims for UpkeepEvent {}

/// Why a command to an occasion was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpkeepRefusal {
    /// Each occasion is used once.
    #[error("this cleanup was asked for already")]
    Exists,
    /// Too much at once.
    #[error("at most {MAX_LEFTOVERS} leftovers are removed at once")]
    TooMany,
}

impl Decide for Upkeep {
    type Command = UpkeepCommand;
    type Event = UpkeepEvent;
    type Refusal = UpkeepRefusal;

    fn decide(&self, command: UpkeepCommand) -> Result<Vec<UpkeepEvent>, UpkeepRefusal> {
        let UpkeepCommand::CleanUp(leftovers) = command;
        if self.requested {
            return Err(UpkeepRefusal::Exists);
        }
        if leftovers.len() > MAX_LEFTOVERS {
            return Err(UpkeepRefusal::TooMany);
        }
        if leftovers.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![UpkeepEvent::CleanupRequested { leftovers }])
    }

    fn evolve(&mut self, event: UpkeepEvent) {
        let UpkeepEvent::CleanupRequested { .. } = event;
        self.requested = true;
    }
}

crate::aggregate::impl_aggregate!(Upkeep, "upkeep");

#[cfg(test)]
mod tests;
