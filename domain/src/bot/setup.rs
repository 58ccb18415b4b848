//! What a bot is given beside its models and limits: switches, environment, its persona, and where its folder comes from.
//!
//! What names and values may be is said by their types, and is for ever. What the platform keeps for itself may grow, so
//! it is looked at when something is asked for and not when it is read back.

use super::{
    Access, BotEvent, BotRefusal, CreateBot, Fallback, GatewayToken, ModelChoice,
    commands::{MAX_MODELS, MAX_TAGS},
    fallbacks,
};
use crate::{
    BotId,
    host::commands::MAX_LABELS,
    values::{EnvName, EnvValue, FeatureName, Persona, Tag},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most switches of one bot.
pub const MAX_FEATURES: usize = 64;
/// Most variables of one bot.
pub const MAX_ENVIRONMENT: usize = 64;
/// Most bytes of all of them, names and values.
pub const MAX_ENVIRONMENT_BYTES: usize = 32 * 1024;

/// Switches, which a bot finds in `features.json` of its workspace.
pub type Features = BTreeMap<FeatureName, bool>;
/// More environment of its process. Whoever may use the engine sees it.
pub type Environment = BTreeMap<EnvName, EnvValue>;

/// Where a new bot's folder begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "bot", rename_all = "camelCase")]
pub enum Origin {
    /// With the persona files of this bot, as they are at the first start.
    CloneOf(BotId),
    /// It is the folder that this deleted bot left.
    DataOf(BotId),
}

/// What a bot is given when it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Setup {
    /// Switches.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub features: Features,
    /// Environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: Environment,
    /// Its first `SOUL.md`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persona: Option<Persona>,
    /// Where its folder begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// Everything that a bot can be made of.
#[derive(Clone, Debug)]
pub struct NewBot {
    /// What it is.
    pub bot: CreateBot,
    /// What else it is given.
    pub setup: Setup,
    /// Its first gateway token.
    pub token: GatewayToken,
    /// What it may reach through the proxy.
    pub access: Access,
    /// Vendors that stand in for others.
    pub fallbacks: Vec<Fallback>,
}

/// Why a variable cannot be a bot's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadVariable {
    /// The platform or OpenClaw's runtime sets it.
    #[error("is set by the platform")]
    Owned,
    /// A provider key would leave the vault.
    #[error("looks like a key or a token: add a provider key, which stays away from the bot's container")]
    Secret,
}

/// Names that the platform, Node or the loader of programs go by; in any case of letters.
const OWNED: &[&str] = &[
    "ALL_PROXY",
    "BASH_ENV",
    "ENV",
    "GLIBC_TUNABLES",
    "HOME",
    "HOSTNAME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "IFS",
    "LOGNAME",
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "NODE_USE_ENV_PROXY",
    "NO_PROXY",
    "OLDPWD",
    "PATH",
    "PWD",
    "SHELL",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "USER",
];
/// Beginnings of such names.
const OWNED_FAMILIES: &[&str] = &["CLAWPLANE_", "LD_", "OPENCLAW_"];
/// How vendors' keys begin, and our own gateway tokens.
const KEY_BEGINNINGS: &[&str] =
    &["AIza", "AKIA", "cp_", "fw_", "gsk_", "hf_", "nvapi-", "pplx-", "r8_", "sk-", "sk_", "xai-"];
/// Shorter words are no keys.
const SHORTEST_KEY: usize = 20;

impl Setup {
    pub(super) fn check(&self) -> Result<(), BotRefusal> {
        check_features(&self.features)?;
        check_environment(&self.environment)
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

pub(super) fn create(new: NewBot) -> Result<Vec<BotEvent>, BotRefusal> {
    let NewBot { bot, setup, token, access, fallbacks } = new;
    check_models(&bot.models)?;
    check_tags(&bot.tags)?;
    if bot.host_labels.len() > MAX_LABELS {
        return Err(BotRefusal::TooMany { field: "hostLabels", max: MAX_LABELS });
    }
    access.check()?;
    fallbacks::check(&fallbacks)?;
    setup.check()?;
    let events = [
        Some(BotEvent::Created { bot }),
        (!setup.is_empty()).then_some(BotEvent::SetUp { setup }),
        // Before the token: nobody may ever know one without its bounds.
        (!access.is_open()).then_some(BotEvent::AccessSet { access }),
        (!fallbacks.is_empty()).then_some(BotEvent::FallbacksSet { fallbacks }),
        Some(BotEvent::TokenIssued { token }),
    ];
    Ok(events.into_iter().flatten().collect())
}

pub(super) fn check_models(models: &[ModelChoice]) -> Result<(), BotRefusal> {
    match models.len() {
        0 => Err(BotRefusal::NoModel),
        len if len > MAX_MODELS => Err(BotRefusal::TooMany { field: "models", max: MAX_MODELS }),
        _ => Ok(()),
    }
}

pub(super) fn check_tags(tags: &[Tag]) -> Result<(), BotRefusal> {
    if tags.len() > MAX_TAGS {
        return Err(BotRefusal::TooMany { field: "tags", max: MAX_TAGS });
    }
    Ok(())
}

pub(super) fn check_features(features: &Features) -> Result<(), BotRefusal> {
    if features.len() > MAX_FEATURES {
        return Err(BotRefusal::TooMany { field: "features", max: MAX_FEATURES });
    }
    Ok(())
}

pub(super) fn check_environment(environment: &Environment) -> Result<(), BotRefusal> {
    if environment.len() > MAX_ENVIRONMENT {
        return Err(BotRefusal::TooMany { field: "environment", max: MAX_ENVIRONMENT });
    }
    let bytes = environment.iter().map(|(name, value)| name.as_str().len() + value.as_str().len());
    if bytes.sum::<usize>() > MAX_ENVIRONMENT_BYTES {
        return Err(BotRefusal::EnvironmentTooLarge);
    }
    for (name, value) in environment {
        let bad = |why| Err(BotRefusal::Variable { name: name.clone(), why });
        if is_owned(name) {
            return bad(BadVariable::Owned);
        }
        if holds_key(value) {
            return bad(BadVariable::Secret);
        }
    }
    Ok(())
}

fn is_owned(name: &EnvName) -> bool {
    let name = name.as_str().to_ascii_uppercase();
    OWNED.contains(&name.as_str()) || OWNED_FAMILIES.iter().any(|family| name.starts_with(family))
}

fn holds_key(value: &EnvValue) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut words = value.as_str().split(|c| !is_letter(c)).filter(|word| word.len() >= SHORTEST_KEY);
    words.any(|word| KEY_BEGINNINGS.iter().any(|beginning| word.starts_with(beginning)))
}

#[cfg(test)]
mod tests;
