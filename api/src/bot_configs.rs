//! Bots' configurations: the version that counts, earlier ones, what the bot itself has made of it, and saving another.

use crate::{
    ApiState, FieldError, bots,
    freshness::settle,
    ports::space::{ConfigInPlace, ConfigVerdict},
    problem::{Kind, Problem},
};
use clawplane_domain::{
    TenantId,
    bot::{Bot, BotCommand, BotEvent, ConfigOrigin, Desired, SetConfig},
    openclaw::{self, PROXY, TOKEN, platform::Platform},
    values::Hostname,
};
use clawplane_eventstore::{Context, Position};
use clawplane_projections::{BotRow, ConfigVersion, View};
use std::time::Duration;

/// After this a version that was saved just now is known.
const SOON: Duration = Duration::from_secs(1);

/// How a version comes to the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// OpenClaw reads it again while it runs.
    Hot,
    /// Whoever wrote it has switched that off (`gateway.reload.mode`).
    RestartNeeded,
    /// The bot does not run.
    AtStart,
}

/// A configuration as it is now.
pub(crate) struct Present {
    /// Whose it is.
    pub(crate) bot: BotRow,
    /// What is known of the version; `None` for version 0.
    pub(crate) about: Option<ConfigVersion>,
    /// Its text, with the platform's keys as they are now.
    pub(crate) text: String,
    /// What stands in the bot's folder; `None` before its first start.
    pub(crate) file: Option<ConfigInPlace>,
    /// The bot's folder holds something that no version has.
    pub(crate) drifted: bool,
    /// The host could not be asked.
    pub(crate) unseen: bool,
}

/// Who saves what.
pub(crate) struct Save<'a> {
    /// Whose configuration.
    pub(crate) bot: &'a BotRow,
    /// The text as the client wrote it.
    pub(crate) text: &'a str,
    /// The version that it follows.
    pub(crate) follows: u64,
    /// Where it came from.
    pub(crate) origin: ConfigOrigin,
}

/// What came of it.
pub(crate) struct Saved {
    /// The version that counts now.
    pub(crate) version: u64,
    /// How it comes to the bot.
    pub(crate) applied: Applied,
    /// Why OpenClaw itself could not be asked about it, if it could not.
    pub(crate) unchecked: Option<String>,
    /// Where its event stands; `None` when nothing changed.
    pub(crate) position: Option<Position>,
}

fn platform(bot: &BotRow) -> Platform<'_> {
    Platform { port: bot.port, models: &bot.models }
}

/// The tenant's bot of this name with its configuration.
pub(crate) async fn present(
    api: &ApiState,
    tenant: TenantId,
    hostname: &Hostname,
) -> Result<Present, Problem> {
    let bot = bots::find(api, tenant, hostname).await?;
    let (about, text) = version(api, &bot, bot.config.version).await?;
    let (file, unseen) = match api.space.config(bot.id).await {
        Ok(file) => (file, false),
        Err(error) => {
            tracing::warn!(bot = %bot.id, %error, "a bot's folder cannot be looked at");
            (None, true)
        }
    };
    let text = with_platform(&text, &bot);
    let drifted = match &file {
        Some(file) => drifted(api, &bot, &text, file).await?,
        None => false,
    };
    Ok(Present { bot, about, text, file, drifted, unseen })
}

/// A version's text as it was saved; version 0 is what the platform makes.
pub(crate) async fn version(
    api: &ApiState,
    bot: &BotRow,
    version: u64,
) -> Result<(Option<ConfigVersion>, String), Problem> {
    if version == 0 {
        return Ok((None, format!("{:#}\n", platform(bot).config(TOKEN, PROXY))));
    }
    match api.views.bot_configs.find(bot.tenant_id, bot.id, version).await? {
        Some((about, text)) => Ok((Some(about), text)),
        None if version <= bot.config.version => {
            Err(Problem::unavailable("the read model does not have this version yet", SOON))
        }
        None => Err(Problem::not_found("version")),
    }
}

pub(crate) fn with_platform(text: &str, bot: &BotRow) -> String {
    // What was stored was well-formed once; if that ever changes, people still see what they wrote.
    openclaw::renewed(text, platform(bot)).unwrap_or_else(|_| text.to_owned())
}

/// Compared with the version that it was written from: the worker may be on its way with a newer one. The platform's own
/// keys count only while the bot runs, since a bot that rests gets its port and models when it starts.
async fn drifted(api: &ApiState, bot: &BotRow, present: &str, file: &ConfigInPlace) -> Result<bool, Problem> {
    let written = match file.version == bot.config.version {
        true => present.to_owned(),
        false => match version(api, bot, file.version.min(bot.config.version)).await {
            Ok((_, text)) => with_platform(&text, bot),
            Err(problem) if problem.kind() == Kind::Unavailable => return Ok(false),
            Err(problem) => return Err(problem),
        },
    };
    let in_its_words = file.text != written;
    Ok(in_its_words && (bot.desired == Desired::Running || with_platform(&file.text, bot) != written))
}

/// Saves a version, after everybody who knows something about it has been asked.
pub(crate) async fn save(api: &ApiState, save: Save<'_>, context: Context) -> Result<Saved, Problem> {
    let Save { bot, text, follows, origin } = save;
    let text = openclaw::checked(text, platform(bot)).map_err(|faults| {
        let field = |path: String| if path.is_empty() { "text".to_owned() } else { path };
        Problem::fields(
            faults.into_iter().map(|fault| FieldError::new(field(fault.path), fault.message)).collect(),
        )
    })?;
    let image = bot.image.as_ref().unwrap_or(&api.default_image);
    let unchecked = match api.space.check_config(bot.id, image, text.as_str()).await? {
        ConfigVerdict::Valid => None,
        ConfigVerdict::Invalid(errors) => return Err(Problem::fields(errors)),
        ConfigVerdict::Unknown(why) => Some(why),
    };
    // How the process that runs now takes changes, which is what its present file says.
    let (_, before) = version(api, bot, bot.config.version).await?;
    let applied = match bot.desired {
        Desired::Running if openclaw::reload(&before) => Applied::Hot,
        Desired::Running => Applied::RestartNeeded,
        Desired::Stopped | Desired::Deleted => Applied::AtStart,
    };
    let command = BotCommand::SetConfig(Box::new(SetConfig { text, follows, origin }));
    let committed = api.executor.execute::<Bot>(bot.id, command, context).await?;
    let set = committed.events.iter().find_map(|event| match event {
        BotEvent::ConfigSet { version, .. } => Some(*version),
        _ => None,
    });
    settle(api, View::BotConfigs, committed.position).await;
    settle(api, View::Bots, committed.position).await;
    Ok(Saved { version: set.unwrap_or(follows), applied, unchecked, position: committed.position })
}

/// What separates two texts, as a unified diff.
pub(crate) fn diff(one: (&str, &str), other: (&str, &str)) -> String {
    let diff = similar::TextDiff::configure().timeout(Duration::from_millis(500)).diff_lines(one.1, other.1);
    diff.unified_diff().context_radius(3).header(one.0, other.0).to_string()
}
