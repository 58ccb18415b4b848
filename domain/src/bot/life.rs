//! A bot's life after it was made: changed, renamed, restarted, set up anew, upgraded to another image.
//!
//! A restart is a number that grows: whoever makes containers makes one for each number, and so only one, whatever ends
//! in between. An upgrade is a trial: the image it had is its image until the worker says that the new one is healthy.

use super::{BotEvent, BotRefusal, Desired, Limits, ModelChoice, commands, setup, state::BotProfile};
use super::{Environment, Features, Origin, Setup};
use crate::values::{Hostname, ImageRef, Label, Persona, Tag};
use serde::{Deserialize, Serialize};

/// What a bot was given, and how often it was to begin anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Life {
    /// Switches.
    pub features: Features,
    /// More environment of its process.
    pub environment: Environment,
    /// Its first `SOUL.md`. It is needed once and may be long, so it is in no read model: the stream has it.
    #[serde(skip)]
    pub persona: Option<Persona>,
    /// Whether it was given one.
    pub has_persona: bool,
    /// Where its folder began.
    pub origin: Option<Origin>,
    /// Grows with every restart that is asked for; each has a container of its own.
    pub generation: u32,
    /// The generation with which its configuration was last to be written anew.
    pub initialised: u32,
    /// The last upgrade that was asked for.
    pub upgrade: Option<Upgrade>,
    /// It was deleted, and its folder stays.
    pub keep_data: bool,
}

/// A bot's way to another image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// Which one; what is said of another one does not count.
    pub number: u32,
    /// The new image; `None` is the platform's default.
    pub image: Option<ImageRef>,
    /// How it stands.
    pub outcome: UpgradeOutcome,
}

/// How an upgrade stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum UpgradeOutcome {
    /// The new image is tried, or will be when the bot runs.
    Pending,
    /// It was healthy and is the bot's image now.
    Committed,
    /// The bot keeps the image that it had.
    RolledBack {
        /// Why, for people.
        reason: String,
    },
}

impl Life {
    /// The upgrade that is under way.
    pub fn trial(&self) -> Option<&Upgrade> {
        self.upgrade.as_ref().filter(|upgrade| upgrade.outcome == UpgradeOutcome::Pending)
    }

    pub(super) fn set_up(&mut self, setup: Setup) {
        self.features = setup.features;
        self.environment = setup.environment;
        self.has_persona = setup.persona.is_some();
        self.persona = setup.persona;
        self.origin = setup.origin;
    }

    pub(super) fn settle(&mut self, number: u32, outcome: UpgradeOutcome) {
        if let Some(upgrade) = self.upgrade.as_mut().filter(|upgrade| upgrade.number == number) {
            upgrade.outcome = outcome;
        }
    }
}

/// What shall be different; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Its name for people.
    pub name: Option<Label>,
    /// Its name in the API.
    pub hostname: Option<Hostname>,
    /// Its container's limits.
    pub limits: LimitsChange,
    /// More environment of its process, instead of all before.
    pub environment: Option<Environment>,
    /// Switches, instead of all before.
    pub features: Option<Features>,
    /// The models it may use; the first is its primary one.
    pub models: Option<Vec<ModelChoice>>,
    /// Chooses provider keys.
    pub tags: Option<Vec<Tag>>,
}

/// Limits of which some may stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsChange {
    /// Memory, in MiB.
    pub memory_mib: Option<u32>,
    /// CPU time, in thousandths of a core.
    pub cpu_millis: Option<u32>,
    /// Processes and threads.
    pub pids: Option<u32>,
    /// What its folder may hold, in MiB.
    pub disk_mib: Option<u32>,
    /// Whether its root file system can be written.
    pub writable_root: Option<bool>,
}

impl LimitsChange {
    /// The limits with these changes.
    #[must_use]
    pub fn of(self, now: Limits) -> Limits {
        Limits {
            memory_mib: self.memory_mib.unwrap_or(now.memory_mib),
            cpu_millis: self.cpu_millis.unwrap_or(now.cpu_millis),
            pids: self.pids.unwrap_or(now.pids),
            disk_mib: self.disk_mib.or(now.disk_mib),
            writable_root: self.writable_root.unwrap_or(now.writable_root),
        }
    }
}

/// What is different in a bot beside its names; `None` stayed as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reshape {
    /// Its container's limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// More environment of its process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Switches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Features>,
    /// The models it may use; the first is its primary one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<ModelChoice>>,
    /// Chooses provider keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Tag>>,
}

pub(super) fn change(bot: &BotProfile, wanted: Changes) -> Result<Vec<BotEvent>, BotRefusal> {
    let Changes { name, hostname, limits, environment, features, models, tags } = wanted;
    models.as_deref().map_or(Ok(()), setup::check_models)?;
    tags.as_deref().map_or(Ok(()), setup::check_tags)?;
    environment.as_ref().map_or(Ok(()), setup::check_environment)?;
    features.as_ref().map_or(Ok(()), setup::check_features)?;
    let shape = Reshape {
        limits: Some(limits.of(bot.limits)).filter(|new| *new != bot.limits),
        environment: environment.filter(|new| *new != bot.life.environment),
        features: features.filter(|new| *new != bot.life.features),
        models: models.filter(|new| *new != bot.models),
        tags: tags.filter(|new| *new != bot.tags),
    };
    let (name, hostname) = (name.unwrap_or(bot.name.clone()), hostname.unwrap_or(bot.hostname.clone()));
    let mut events = Vec::new();
    if (&name, &hostname) != (&bot.name, &bot.hostname) {
        events.push(BotEvent::Renamed { name, hostname, previous_hostname: bot.hostname.clone() });
    }
    if shape != Reshape::default() {
        events.push(BotEvent::Changed { shape });
    }
    Ok(events)
}

/// A bot that does not run is started by it: in both cases a new process follows.
pub(super) fn restart(bot: &BotProfile) -> Result<Vec<BotEvent>, BotRefusal> {
    needs_token(bot)?;
    if bot.desired == Desired::Stopped {
        return Ok(vec![BotEvent::StartRequested {}]);
    }
    Ok(vec![BotEvent::RestartRequested { generation: bot.life.generation.saturating_add(1) }])
}

pub(super) fn init(bot: &BotProfile) -> Result<Vec<BotEvent>, BotRefusal> {
    needs_token(bot)?;
    Ok(vec![BotEvent::InitRequested { generation: bot.life.generation.saturating_add(1) }])
}

/// To the image that it has already: an upgrade that is under way is called off.
pub(super) fn upgrade(bot: &BotProfile, image: Option<ImageRef>) -> Result<Vec<BotEvent>, BotRefusal> {
    let trial = bot.life.trial();
    if image == bot.image {
        let called_off = trial.map(|trial| rolled_back(trial, "it was called off".to_owned()));
        return Ok(called_off.into_iter().collect());
    }
    if trial.is_some_and(|trial| trial.image == image) {
        return Ok(Vec::new());
    }
    needs_token(bot)?;
    let number = bot.life.upgrade.as_ref().map_or(0, |last| last.number).saturating_add(1);
    Ok(vec![BotEvent::UpgradeBegun { number, image }])
}

/// A report about any other upgrade than the one that is under way comes too late.
pub(super) fn commit_upgrade(bot: &BotProfile, number: u32) -> Vec<BotEvent> {
    let trial = bot.life.trial().filter(|trial| trial.number == number);
    let event = trial.map(|trial| BotEvent::UpgradeCommitted { number, image: trial.image.clone() });
    event.into_iter().collect()
}

pub(super) fn roll_back_upgrade(bot: &BotProfile, number: u32, reason: &str) -> Vec<BotEvent> {
    let trial = bot.life.trial().filter(|trial| trial.number == number);
    trial.map(|trial| rolled_back(trial, commands::tidy(reason))).into_iter().collect()
}

fn rolled_back(trial: &Upgrade, reason: String) -> BotEvent {
    BotEvent::UpgradeRolledBack { number: trial.number, image: trial.image.clone(), reason }
}

/// Without a token its files cannot be written, so a new process would not start.
fn needs_token(bot: &BotProfile) -> Result<(), BotRefusal> {
    if bot.token.is_none() && bot.desired == Desired::Running {
        return Err(BotRefusal::NoToken);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
