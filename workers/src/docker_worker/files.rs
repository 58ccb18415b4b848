//! What of a bot's folder has to be there before its process starts.

use super::{converge::Converge, spec};
use crate::runtime::{BotNetwork, RuntimeError};
use clawplane_domain::Secret;

/// Said of a bot that runs, or should, and has no token.
pub(super) const REVOKED: &str = "its gateway tokens were revoked; rotate its token to let it in again";

impl Converge {
    /// Makes the folder what a start needs. The configuration is written anew where what the platform says in it is
    /// new, or where somebody asked for that; else it belongs to whoever edits it.
    pub(super) async fn write_files(&self, network: BotNetwork) -> Result<(), RuntimeError> {
        let problem = |message: String| RuntimeError::Other { what: "write the bot's files", message };
        let token = self.token().await.map_err(problem)?;
        self.begin().await.map_err(problem)?;
        let (bot, config, workspaces) = (&self.bot, &self.shared.config, &self.shared.workspaces);
        let io = |error: std::io::Error| problem(error.to_string());
        let edition = spec::edition(bot, network.gateway, config);
        let renew = !workspaces.has_edition(bot.id, &edition).await.map_err(io)?;
        let file = spec::openclaw_json(bot, &token, network.gateway, config);
        workspaces.prepare(bot, file, renew).await.map_err(io)?;
        workspaces.set_token(bot.id, &token).await.map_err(io)?;
        workspaces.write_features(bot.id, &bot.life.features).await.map_err(io)?;
        if renew {
            workspaces.note_edition(bot.id, &edition).await.map_err(io)?;
        }
        Ok(())
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
