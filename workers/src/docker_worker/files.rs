//! What of a bot's folder has to be there before its process starts, and its configuration while it runs.

use super::{converge::Converge, spec};
use crate::{
    runtime::{BotNetwork, RuntimeError},
    workspace::ConfigFile,
};
use clawplane_domain::Secret;

/// Said of a bot that runs, or should, and has no token.
pub(super) const REVOKED: &str = "its gateway tokens were revoked; rotate its token to let it in again";

impl Converge {
    /// Puts the bot's files in order, its configuration first of all: the platform's keys are renewed, the rest belongs to
    /// whoever edits it. `renew`: for a container that is made now.
    pub(super) async fn write_files(&self, network: BotNetwork, renew: bool) -> Result<(), RuntimeError> {
        let problem = |message: String| RuntimeError::Other { what: "write the bot's files", message };
        let token = self.token().await.map_err(problem)?;
        self.begin().await.map_err(problem)?;
        let (bot, workspaces) = (&self.bot, &self.shared.workspaces);
        let config = ConfigFile {
            port: bot.port,
            models: bot.models.clone(),
            version: bot.config_version,
            text: self.config_text().await.map_err(problem)?,
            token: token.clone(),
            proxy: spec::proxy_seen_by(network.gateway, &self.shared.config),
            renew,
        };
        let io = |error: std::io::Error| problem(error.to_string());
        workspaces.prepare(bot, config).await.map_err(io)?;
        workspaces.write_features(bot.id, &bot.life.features).await.map_err(io)?;
        workspaces.set_token(bot.id, &token).await.map_err(io)?;
        Ok(())
    }

    /// The text of the version of its configuration that people want; `None` where that is the platform's own.
    async fn config_text(&self) -> Result<Option<String>, String> {
        let (bot, version) = (&self.bot, self.bot.config_version);
        if version == 0 {
            return Ok(None);
        }
        let text = self.shared.bots.config(bot.id, bot.tenant_id, version).await;
        let text = text.map_err(|error| error.to_string())?;
        text.map(Some).ok_or_else(|| format!("version {version} of its configuration is not known yet"))
    }

    /// Gives a running bot the version of its configuration that people want: OpenClaw reads it again by itself.
    /// Where that fails the bot goes on with the one that it has, until the next look at it.
    pub(super) async fn keep_config(&mut self, network: BotNetwork) {
        let version = self.bot.config_version;
        if self.memory.config == Some(version) || self.bot.token.is_none() {
            return;
        }
        match self.write_files(network, false).await {
            Ok(()) => self.memory.config = Some(version),
            Err(error) => {
                tracing::warn!(bot = %self.bot.id, hostname = %self.bot.hostname, version, %error, "a running bot's configuration cannot be written");
            }
        }
    }

    /// The folder of a bot that begins otherwise than empty.
    async fn begin(&self) -> Result<(), String> {
        let (life, workspaces) = (&self.bot.life, &self.shared.workspaces);
        if life.origin.is_none() && !life.has_persona {
            return Ok(());
        }
        if workspaces.has_begun(self.bot.id).await.map_err(|error| error.to_string())? {
            return Ok(());
        }
        let persona = match life.has_persona {
            true => self.shared.reports.persona(self.bot.id).await.map_err(|error| error.to_string())?,
            false => None,
        };
        let begun = workspaces.begin(self.bot.id, life.origin, persona).await;
        begun.map_err(|error| error.to_string())
    }

    pub(super) async fn token(&self) -> Result<Secret, String> {
        let token = self.bot.token.as_ref().ok_or(REVOKED)?;
        let opened = self.shared.tokens.open(self.bot.id, self.bot.tenant_id, token).await;
        opened.map_err(|error| error.to_string())
    }
}
