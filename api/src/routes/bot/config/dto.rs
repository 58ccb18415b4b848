//! A configuration and its versions as clients see them.

use crate::{
    ApiState,
    answer::Answer,
    bot_configs::{self, Applied, Present, Saved},
    problem::Problem,
};
use axum::http::{HeaderMap, header};
use chrono::{DateTime, Utc};
use clawplane_domain::bot::ConfigOrigin;
use clawplane_projections::{BotRow, ConfigVersion};
use serde::Serialize;
use utoipa::ToSchema;

/// A bot's configuration as it is now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BotConfig)]
pub(crate) struct ConfigDto {
    /// The version that counts; 0 is what the platform makes. It also is the `etag`.
    #[schema(example = 3)]
    version: u64,
    /// `openclaw.json`, JSON5. `<gateway token>` and `<proxy>` stand for what only the bot's own file holds.
    #[schema(example = "{ /* mine */ gateway: { port: 18789 } }")]
    text: String,
    /// When it was saved, by whom, and where it came from; absent for version 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<VersionDto>,
    /// The version that the bot's file was written from; absent before its first start, or while its host cannot be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    file_version: Option<u64>,
    /// The bot's file was changed inside of the bot, by OpenClaw or by hand: see `config/drift` and `config/adopt`. `null`
    /// while its host cannot be asked.
    drifted: Option<bool>,
}

/// A version of a configuration, without its text.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConfigVersion)]
pub(crate) struct VersionDto {
    /// Its number, from 1.
    #[schema(example = 3)]
    version: u64,
    /// When it was saved.
    set_at: DateTime<Utc>,
    /// By whom.
    #[schema(example = "user:0197b0c4-5d0e-7c39-8f6e-1c3f5a9be001")]
    set_by: String,
    /// `saved`, `restored` or `adopted` (from the bot's own file).
    #[schema(example = "restored")]
    origin: &'static str,
    /// The version that was restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored_version: Option<u64>,
    /// How long its text is.
    #[schema(example = 1834)]
    bytes: u64,
    /// SHA-256 of its text.
    sha256: String,
}

/// A configuration that was saved.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SavedConfig {
    /// The version that counts now.
    #[schema(example = 4)]
    version: u64,
    /// Its text as it was saved, with the platform's keys.
    text: String,
    /// How it comes to the bot.
    applied: AppliedDto,
    /// Why OpenClaw itself was not asked whether it takes this configuration; absent when it was and does. The platform's own
    /// checks were made in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    unchecked: Option<String>,
}

/// How a configuration comes to a bot.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConfigApplied)]
pub(crate) enum AppliedDto {
    /// The bot runs and reads it again by itself within seconds; OpenClaw restarts its own parts where a key needs that.
    Hot,
    /// The bot runs, and its configuration says that it does not look at changes (`gateway.reload.mode`).
    RestartNeeded,
    /// The bot does not run.
    AtStart,
}

impl From<ConfigVersion> for VersionDto {
    fn from(row: ConfigVersion) -> Self {
        let (origin, restored_version) = match row.origin {
            ConfigOrigin::Saved => ("saved", None),
            ConfigOrigin::Adopted => ("adopted", None),
            ConfigOrigin::Restored { version } => ("restored", Some(version)),
        };
        let ConfigVersion { version, set_at, set_by, bytes, sha256, .. } = row;
        Self { version, set_at, set_by, origin, restored_version, bytes, sha256 }
    }
}

impl ConfigDto {
    pub(super) fn new(present: Present) -> Self {
        Self {
            version: present.bot.config.version,
            text: present.text,
            saved: present.about.map(VersionDto::from),
            file_version: present.file.map(|file| file.version),
            drifted: (!present.unseen).then_some(present.drifted),
        }
    }
}

impl SavedConfig {
    /// The answer to whoever saved it.
    pub(super) async fn answer(api: &ApiState, bot: &BotRow, saved: Saved) -> Result<Answer<Self>, Problem> {
        let now = BotRow {
            config: clawplane_domain::bot::ConfigHead { version: saved.version, ..bot.config.clone() },
            ..bot.clone()
        };
        let (_, text) = bot_configs::version(api, &now, saved.version).await?;
        let applied = match saved.applied {
            Applied::Hot => AppliedDto::Hot,
            Applied::RestartNeeded => AppliedDto::RestartNeeded,
            Applied::AtStart => AppliedDto::AtStart,
        };
        let body = Self { version: saved.version, text, applied, unchecked: saved.unchecked };
        Ok(Answer::ok(body).at(saved.position).etag(saved.version))
    }
}

/// The version that the client has seen, from `If-Match`.
pub(super) fn follows(headers: &HeaderMap, present: u64) -> Result<u64, Problem> {
    const NAME: &str = "If-Match";
    let Some(header) = headers.get(header::IF_MATCH) else {
        return Err(Problem::field(
            NAME,
            "is required: the version that this follows, as `etag` said, such as `\"3\"`",
        ));
    };
    let text = header.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(present);
    }
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    digits.parse().map_err(|_| Problem::field(NAME, "must be one version, such as `\"3\"`"))
}
