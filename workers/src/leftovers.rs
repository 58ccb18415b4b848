//! What is on a host and belongs to no bot: containers, networks, volumes and folders.
//!
//! Only what carries this installation's label counts, and folders that are named as bots' are. Whether there is a bot is
//! asked of the events, not of a read model that may be behind.

use crate::{
    docker_worker::BoxError,
    hosts::Host,
    runtime::{
        RuntimeError,
        belongings::{Belongings, ContainerFacts, NetworkFacts},
        short_id,
    },
};
use clawplane_domain::{
    BotId, Timestamp,
    bot::Bot,
    upkeep::{Leftover, LeftoverKind},
};
use clawplane_eventstore::Executor;
use std::collections::{HashMap, HashSet};

/// What is younger may be on its way to being somebody's.
const YOUNG: chrono::TimeDelta = chrono::TimeDelta::minutes(1);

/// Something that belongs to no bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub leftover: Leftover,
    /// Why it is one.
    pub why: &'static str,
    /// Why it stays all the same, if it does.
    pub keep: Option<&'static str>,
    /// When it was made, or last changed.
    pub since: Option<Timestamp>,
}

/// Why nothing can be said, or done.
#[derive(Debug, thiserror::Error)]
pub enum LeftoverError {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] RuntimeError),
    /// The data folder.
    #[error("the bots' data folder cannot be read")]
    Folder(#[from] std::io::Error),
    /// The events.
    #[error("the bots cannot be asked for")]
    Events(#[source] BoxError),
}

/// Which bots there are.
#[async_trait::async_trait]
pub trait Census: Send + Sync {
    /// Whether there is such a bot, or something of a deleted one is still to be removed by the worker.
    async fn is_known(&self, bot: BotId) -> Result<bool, BoxError>;
}

#[async_trait::async_trait]
impl Census for Executor {
    async fn is_known(&self, bot: BotId) -> Result<bool, BoxError> {
        let profile = self.load::<Bot>(&bot.to_string()).await?.profile;
        Ok(profile.is_some_and(|bot| !bot.removed))
    }
}

/// Everything on a host that belongs to no bot.
pub async fn find(host: &Host, census: &dyn Census, now: Timestamp) -> Result<Vec<Found>, LeftoverError> {
    let belongings = host.runtime.belongings().await?;
    let folders = host.workspaces.folders().await?;
    // After all of it was looked at: what was made since then is not in it.
    let mut known = HashSet::new();
    let named = folders.iter().map(|folder| folder.bot);
    for bot in bots_of(&belongings).chain(named).collect::<HashSet<_>>() {
        if census.is_known(bot).await.map_err(LeftoverError::Events)? {
            known.insert(bot);
        }
    }
    let young = |since: Option<Timestamp>| since.is_none_or(|since| now - since < YOUNG);
    let mut found = in_engine(&belongings, &known);
    for folder in folders.into_iter().filter(|folder| !known.contains(&folder.bot)) {
        let name = folder.bot.to_string();
        let leftover = Leftover { kind: LeftoverKind::Folder, id: name.clone(), name, bot: Some(folder.bot) };
        found.push(Found { leftover, why: NO_BOT, keep: None, since: folder.changed });
    }
    for one in &mut found {
        if one.keep.is_none() && young(one.since) {
            one.keep = Some("it is younger than a minute");
        }
    }
    Ok(found)
}

const NO_BOT: &str = "there is no such bot";
const FORGED: &str = "its label names no bot";

fn bots_of(belongings: &Belongings) -> impl Iterator<Item = BotId> {
    let containers = belongings.containers.iter().filter_map(|one| one.bot);
    let networks = belongings.networks.iter().filter_map(|one| one.bot);
    containers.chain(networks).chain(belongings.volumes.iter().filter_map(|one| one.bot))
}

fn in_engine(belongings: &Belongings, known: &HashSet<BotId>) -> Vec<Found> {
    let mut of_bot: HashMap<BotId, Vec<&ContainerFacts>> = HashMap::new();
    let mut found = Vec::new();
    for container in &belongings.containers {
        match container.bot {
            Some(bot) if known.contains(&bot) => of_bot.entry(bot).or_default().push(container),
            Some(_) => found.push(of_container(container, NO_BOT, None)),
            None => found.push(of_container(container, FORGED, None)),
        }
    }
    for (bot, containers) in of_bot {
        found.extend(doubles(bot, &containers));
    }
    for network in &belongings.networks {
        let why = match network.bot {
            Some(bot) if !known.contains(&bot) => NO_BOT,
            Some(bot) if network.name != format!("clawplane-{}", short_id(bot)) => {
                "it is not its bot's own network"
            }
            Some(_) => continue,
            None => FORGED,
        };
        found.push(of_network(network, why));
    }
    for volume in &belongings.volumes {
        let why = match volume.bot {
            Some(bot) if known.contains(&bot) => "bots have folders, not volumes",
            Some(_) => NO_BOT,
            None => FORGED,
        };
        let leftover = Leftover {
            kind: LeftoverKind::Volume,
            id: volume.name.clone(),
            name: volume.name.clone(),
            bot: volume.bot,
        };
        found.push(Found { leftover, why, keep: None, since: volume.created });
    }
    found
}

/// Containers that say that they are a bot's which has its own: with a forged label, or from a restored backup. Which is
/// the bot's own tells its name; where none or several have it, all of them stay.
fn doubles(bot: BotId, containers: &[&ContainerFacts]) -> Vec<Found> {
    let end = format!("-{}", short_id(bot));
    let is_own = |one: &&&ContainerFacts| one.name.starts_with("clawplane-") && one.name.ends_with(&end);
    let own: Vec<&str> = containers.iter().filter(is_own).map(|one| one.id.as_str()).collect();
    let others = containers.iter().filter(|one| containers.len() > 1 && own != [one.id.as_str()]);
    let found = others.map(|one| {
        let keep = match (one.running, own.len()) {
            (true, _) => Some("it runs under a known bot's label: look at it, and stop it yourself"),
            (false, 1) => None,
            (false, _) => Some("which of them is the bot's own cannot be told"),
        };
        of_container(one, "the bot has another container", keep)
    });
    found.collect()
}

fn of_container(container: &ContainerFacts, why: &'static str, keep: Option<&'static str>) -> Found {
    let (id, name) = (container.id.clone(), container.name.clone());
    let leftover = Leftover { kind: LeftoverKind::Container, id, name, bot: container.bot };
    Found { leftover, why, keep, since: container.created }
}

fn of_network(network: &NetworkFacts, why: &'static str) -> Found {
    let (id, name) = (network.id.clone(), network.name.clone());
    let leftover = Leftover { kind: LeftoverKind::Network, id, name, bot: network.bot };
    Found { leftover, why, keep: None, since: network.created }
}

/// Removes one. Containers come before the networks that they are on.
pub async fn remove(host: &Host, leftover: &Leftover) -> Result<(), LeftoverError> {
    match (leftover.kind, leftover.bot) {
        (LeftoverKind::Folder, Some(bot)) => Ok(host.workspaces.remove(bot).await?),
        (LeftoverKind::Folder, None) => Ok(()),
        (kind, _) => Ok(host.runtime.remove_leftover(kind, &leftover.id).await?),
    }
}

#[cfg(test)]
mod tests;
