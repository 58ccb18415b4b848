//! The doctor: compares every bot with what it should be made of, and changes nothing.

mod checks;
mod config;

use crate::{
    docker_worker::DesiredBot,
    hosts::Host,
    runtime::{RuntimeError, belongings::Belongings},
    workspace::look::{FolderSeen, Usage},
};
use clawplane_domain::{BotId, bot::Desired, values::ImageRef};
use std::path::PathBuf;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Good,
    /// As somebody wants it, and worth knowing.
    Note,
    /// Not as it should be.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The bot.
    pub bot: BotId,
    /// Its name in the API.
    pub hostname: String,
    /// What was looked at: `container`, `labels`, `limits`, `capabilities`, `root`, `mounts`, `ports`, `network`, `image`,
    /// `folder`, `config`, `disk`.
    pub check: &'static str,
    /// How it is.
    pub grade: Grade,
    /// What is wrong, or worth knowing; empty where it is as it should be.
    pub detail: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// What bots are compared with, beside what is wanted of each.
#[derive(Clone, Debug)]
pub struct Norm {
    /// The image of bots that name none.
    pub default_image: ImageRef,
}

/// One bot with all that is known of it.
struct Patient<'a> {
    bot: &'a DesiredBot,
    norm: &'a Norm,
    engine: &'a Belongings,
    owner: crate::workspace::Owner,
    state_dir: PathBuf,
    folder: Result<Option<FolderSeen>, String>,
    usage: Result<Usage, String>,
}

/// Looks at these bots, which are placed on this host.
pub async fn examine(host: &Host, bots: &[DesiredBot], norm: &Norm) -> Result<Vec<Finding>, RuntimeError> {
    let engine = host.runtime.belongings().await?;
    let mut findings = Vec::new();
    for bot in bots.iter().filter(|bot| bot.desired != Desired::Deleted) {
        findings.extend(one(host, bot, &engine, norm).await);
    }
    Ok(findings)
}

async fn one(host: &Host, bot: &DesiredBot, engine: &Belongings, norm: &Norm) -> Vec<Finding> {
    let workspaces = &host.workspaces;
    let patient = Patient {
        bot,
        norm,
        engine,
        owner: workspaces.owner(),
        state_dir: workspaces.state_dir(bot.id),
        folder: workspaces.look(bot.id).await.map_err(|error| error.to_string()),
        usage: workspaces.measure(bot.id).await.map_err(|error| error.to_string()),
    };
    patient.findings()
}

#[cfg(test)]
mod tests;
