//! Which host a bot is on, and how it gets to another one.
//!
//! A move is a row of small steps, each of which may be done again: its owner asks for it, the host it is on lets go of
//! it (no container is left), the other one takes its data and says so, and the first one throws away what it still
//! has. Until the bot is placed anew its data on the first host are untouched, so a move can be called off.

use super::{BotEvent, BotProfile, BotRefusal};
use crate::{HostId, values::Tag};
use serde::{Deserialize, Serialize};

/// Hosts that may still have something of a bot that went on.
pub const MAX_LEFT: usize = 8;

/// Where a bot is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// The host that it is on.
    #[serde(default)]
    pub host: HostId,
    /// What its host has to have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Tag>,
    /// It is on its way to another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving: Option<Moving>,
    /// Hosts that it was on and that may still have something of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<HostId>,
}

/// A move under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moving {
    /// Where to.
    pub to: HostId,
    /// The host that it is on has let go of it, or its owner does not wait for that.
    pub vacated: bool,
}

/// What a host has to do with a bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Run it, or not, as its owner wants.
    Keep,
    /// Let go of it: no container.
    LetGo {
        /// That was said already.
        said: bool,
    },
    /// Take its data from this host.
    Take(HostId),
    /// Throw away what is left of it; it is on this host now.
    Forget(HostId),
    /// Nothing.
    Nothing,
}

impl Placement {
    /// What `host` has to do with the bot.
    pub fn part_of(&self, host: HostId) -> Part {
        match self.moving {
            _ if self.left.contains(&host) => Part::Forget(self.host),
            Some(moving) if host == self.host => Part::LetGo { said: moving.vacated },
            Some(Moving { to, vacated: true }) if host == to => Part::Take(self.host),
            None if host == self.host => Part::Keep,
            _ => Part::Nothing,
        }
    }

    /// It is on `host` now.
    pub(super) fn arrive(&mut self, host: HostId, from: HostId) {
        self.host = host;
        self.moving = None;
        if !self.left.contains(&from) {
            self.left.push(from);
        }
    }

    /// Every host that has, or is to have, something of the bot.
    pub fn hosts(&self) -> impl Iterator<Item = HostId> {
        let moving = self.moving.map(|moving| moving.to);
        std::iter::once(self.host).chain(moving).chain(self.left.iter().copied())
    }
}

/// Wants the bot on another host; on the one that it is on: calls a move off. `abandon`: nobody waits for the host that
/// it is on, which is lost.
pub(super) fn request(bot: &BotProfile, to: HostId, abandon: bool) -> Result<Vec<BotEvent>, BotRefusal> {
    let place = &bot.placement;
    if to == place.host {
        return Ok(place.moving.map(|_| BotEvent::MoveCancelled {}).into_iter().collect());
    }
    match place.moving {
        Some(moving) if moving.to == to && (moving.vacated || !abandon) => return Ok(Vec::new()),
        Some(moving) if moving.to != to => return Err(BotRefusal::Moving),
        _ => {}
    }
    if place.left.contains(&to) || place.left.len() >= MAX_LEFT {
        return Err(BotRefusal::Moving);
    }
    Ok(vec![BotEvent::MoveRequested { from: place.host, to, vacated: abandon }])
}

pub(super) fn vacated(bot: &BotProfile, host: HostId) -> Vec<BotEvent> {
    match bot.placement.part_of(host) {
        Part::LetGo { said: false } => vec![BotEvent::LetGo { host_id: host }],
        _ => Vec::new(),
    }
}

pub(super) fn arrived(bot: &BotProfile, host: HostId) -> Result<Vec<BotEvent>, BotRefusal> {
    match bot.placement.part_of(host) {
        Part::Take(from) => Ok(vec![BotEvent::Placed { host_id: host, from }]),
        Part::Keep => Ok(Vec::new()),
        _ => Err(BotRefusal::NotMoving),
    }
}

pub(super) fn forgotten(bot: &BotProfile, host: HostId) -> Vec<BotEvent> {
    let left = bot.placement.left.contains(&host);
    left.then_some(BotEvent::Left { host_id: host }).into_iter().collect()
}

#[cfg(test)]
mod tests;
