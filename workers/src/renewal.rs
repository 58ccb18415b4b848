//! Renews the gateway tokens of running bots before they end.
//!
//! Level-triggered, as the Docker worker: each pass looks at every bot that shall run. That a token is renewed once,
//! however many processes look and however far their read models are, is the bot's own decision. A bot that was
//! stopped meanwhile gets its token when it starts.

use crate::docker_worker::{DesiredBot, DesiredBots};
use clawplane_domain::{
    Actor, Metadata,
    bot::{Desired, GatewayToken, Replaces, token::USUAL_GRACE},
    clock::Clock,
};
use clawplane_eventstore::{Context, TokenIssuer, Wanted};
use futures::StreamExt;
use std::{sync::Arc, time::Duration};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Passes in the last third of a token's time: so many may fail before it ends.
const PASSES: u32 = 8;
/// Longest time between two passes.
const LONGEST: Duration = Duration::from_mins(1);
/// Shortest.
const SHORTEST: Duration = Duration::from_millis(100);
/// Tokens that are renewed at the same time.
const AT_ONCE: usize = 8;

/// Renews tokens.
#[derive(Clone)]
pub struct TokenRenewal {
    /// Gives bots new tokens.
    pub issuer: TokenIssuer,
    /// What is wanted.
    pub bots: Arc<dyn DesiredBots>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl TokenRenewal {
    /// Starts it, where tokens have an end; its task is the tracker's and ends with `shutdown`.
    pub fn start(self, shutdown: &CancellationToken, tracker: &TaskTracker) {
        let Some(ttl) = self.issuer.ttl() else { return };
        let every = (ttl / (3 * PASSES)).clamp(SHORTEST, LONGEST);
        let shutdown = shutdown.clone();
        tracker.spawn(async move {
            loop {
                tokio::select! {
                    _ = self.pass() => {}
                    () = shutdown.cancelled() => return,
                }
                tokio::select! {
                    () = tokio::time::sleep(every) => {}
                    () = shutdown.cancelled() => return,
                }
            }
        });
    }

    /// Looks at every bot once. Gives the number of tokens that it renewed.
    pub async fn pass(&self) -> usize {
        let bots = match self.bots.present(None).await {
            Ok(bots) => bots,
            Err(error) => {
                tracing::warn!(%error, "the bots whose tokens may be due cannot be read");
                return 0;
            }
        };
        let now = self.clock.now();
        let due = bots.into_iter().filter_map(|bot| {
            let token = bot.token.clone().filter(|token| token.is_due(now, self.issuer.ttl()))?;
            (bot.desired == Desired::Running).then_some((bot, token))
        });
        let renewed = futures::stream::iter(due).map(|(bot, token)| self.renew(bot, token));
        renewed.buffer_unordered(AT_ONCE).filter(|done| std::future::ready(*done)).count().await
    }

    async fn renew(&self, bot: DesiredBot, token: GatewayToken) -> bool {
        let metadata = Metadata {
            tenant_id: bot.tenant_id,
            actor: Actor::system("token-renewal"),
            at: self.clock.now(),
            request_id: None,
            causation: None,
        };
        let replaces = Replaces::Exactly(Some(token.hash));
        let wanted = Wanted { bot: bot.id, tenant: bot.tenant_id, replaces, grace: USUAL_GRACE };
        match self.issuer.rotate(wanted, Context::from(metadata)).await {
            // No event: somebody else was first.
            Ok((_, committed)) => !committed.events.is_empty(),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(bot = %bot.id, hostname = %bot.hostname, error, "a token cannot be renewed yet");
                false
            }
        }
    }
}
