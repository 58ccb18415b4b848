//! Gives bots gateway tokens beyond their first: what the API, at a start, and the platform's renewal share.

use crate::{Committed, Context, ExecuteError, Executor, Vault, VaultError};
use clawplane_domain::{
    BotId, Secret, TenantId,
    bot::{Bot, BotCommand, BotEvent, BotRefusal, GatewayToken, Replaces, Rotate},
};
use std::time::Duration;

/// Why there is no new token.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// It cannot be sealed.
    #[error("the new token cannot be sealed")]
    Vault(#[from] VaultError),
    /// The command failed.
    #[error("the new token cannot be stored")]
    Command(#[from] ExecuteError<BotRefusal>),
}

/// Makes gateway tokens and gives them to bots.
#[derive(Clone)]
pub struct TokenIssuer {
    executor: Executor,
    vault: Vault,
    ttl: Option<Duration>,
}

/// A new token for a bot, wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The bot.
    pub bot: BotId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What the token replaces.
    pub replaces: Replaces,
    /// How long the one before stays good.
    pub grace: Duration,
}

impl TokenIssuer {
    /// Tokens hold for `ttl` (`PROXY_TOKEN_TTL`); `None` is for ever.
    pub fn new(executor: Executor, vault: Vault, ttl: Option<Duration>) -> Self {
        Self { executor, vault, ttl }
    }

    /// How long a token holds.
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// Rotates a bot's token at the context's time. Gives the new one in plain text, which counts only if the events
    /// say so: somebody else may have been first, or the command may be known by its idempotency key.
    pub async fn rotate(
        &self,
        wanted: Wanted,
        context: Context,
    ) -> Result<(Secret, Committed<BotEvent>), IssueError> {
        let Wanted { bot, tenant, replaces, grace } = wanted;
        let at = context.metadata.at;
        let expires_at = self.ttl.map(|ttl| at + ttl);
        let (plain, token) = self.vault.gateway_token(tenant, bot, expires_at).await?;
        let rotate = Rotate { token: token.clone(), replaces, at, grace };
        let command = BotCommand::RotateToken(Box::new(rotate));
        let committed = self.executor.execute::<Bot>(bot, command, context).await;
        self.discard_unused(&committed, &token).await;
        Ok((plain, committed?))
    }

    /// Destroys the data key of a token that surely stands in no event. After a failure of the store nobody can be
    /// sure.
    pub async fn discard_unused(
        &self,
        committed: &Result<Committed<BotEvent>, ExecuteError<BotRefusal>>,
        token: &GatewayToken,
    ) {
        let used = match committed {
            Ok(committed) => !committed.replayed && !committed.events.is_empty(),
            Err(error) => matches!(error, ExecuteError::Store(_)),
        };
        if !used {
            // A row too many in the vault harms nobody; the caller has its own answer to give.
            let _ = self.vault.shred(token.sealed.data_key_id).await;
        }
    }
}
