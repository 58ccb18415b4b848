//! A running bot's gateway token: that its configuration has the present one, and that its process took it.
//!
//! OpenClaw (2026.9) watches its configuration and takes new tokens within a second, without a restart. Where somebody
//! has switched that off the process is restarted, once for a token.

use super::converge::{Converge, Next};
use crate::runtime::{BotNetwork, ContainerSpec, RuntimeError};
use clawplane_domain::TokenHash;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Time between two looks whether the process has taken it.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What is known of the token in a bot's process.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    /// It has this one, or was restarted for it.
    hash: Option<TokenHash>,
    /// Since when it does not take this one.
    since: Option<(TokenHash, Instant)>,
}

impl Converge {
    /// `None` when there is nothing to do.
    pub(super) async fn keep_token(
        &mut self,
        spec: &ContainerSpec,
        network: BotNetwork,
        container: &str,
        inside: SocketAddr,
    ) -> Result<Option<Next>, RuntimeError> {
        let Some(hash) = self.bot.token.as_ref().map(|token| token.hash) else { return Ok(None) };
        if self.memory.taken.hash == Some(hash) {
            return Ok(None);
        }
        let shared = Arc::clone(&self.shared);
        let problem = |message: String| RuntimeError::Other { what: "give the bot its token", message };
        let token = self.token().await.map_err(problem)?;
        let has = shared.workspaces.set_token(self.bot.id, &token).await;
        if !has.map_err(|error| problem(error.to_string()))? {
            // Whoever edited its configuration took the token out of it: nothing of ours can be brought up to date.
            self.memory.taken = Taken { hash: Some(hash), since: None };
            return Ok(None);
        }
        let since =
            self.memory.taken.since.filter(|(of, _)| *of == hash).map_or_else(Instant::now, |(_, at)| at);
        self.memory.taken.since = Some((hash, since));
        if let Ok(true) = shared.runtime.takes_token(inside, &token).await {
            self.memory.taken = Taken { hash: Some(hash), since: None };
            return Ok(None);
        }
        if since.elapsed() < shared.config.reload_within {
            return Ok(Some(Next::After(LOOK_EVERY)));
        }
        tracing::info!(bot = %self.bot.id, hostname = %self.bot.hostname, "a bot is restarted to take its new token");
        self.memory.taken = Taken { hash: Some(hash), since: None };
        let permit = shared.permits.acquire().await;
        shared.runtime.stop(container, shared.config.stop_grace).await?;
        drop(permit);
        self.start(spec, network, container.to_owned(), true).await.map(Some)
    }
}
