//! A bot's way to the web, as far as its list goes.

use super::{BotReports, converge::Converge};
use crate::{
    egress::{Reports, Whose},
    runtime::BotNetwork,
};
use async_trait::async_trait;
use clawplane_domain::bot::RefusedEgress;
use std::{net::SocketAddr, sync::Arc};

/// What was refused becomes an event of the bot.
pub(super) struct Told(pub(super) Arc<dyn BotReports>);

#[async_trait]
impl Reports for Told {
    async fn refused(&self, whose: Whose, refused: RefusedEgress) {
        if let Err(error) = self.0.egress_refused(whose.bot, whose.tenant, refused).await {
            tracing::warn!(bot = %whose.bot, %error, "it cannot be recorded where a bot wanted to go");
        }
    }
}

impl Converge {
    /// Opens the way, or closes it where the list is empty.
    pub(super) async fn open_web(&self, network: BotNetwork) -> Result<(), String> {
        let (bot, shared) = (&self.bot, &self.shared);
        if bot.egress.is_empty() {
            shared.forwards.close_web(bot.id).await;
            return Ok(());
        }
        let whose = Whose { bot: bot.id, tenant: bot.tenant_id };
        let listen = SocketAddr::new(network.gateway, shared.config.web_port());
        let rules = Arc::new(bot.egress.clone());
        shared.forwards.ensure_web(whose, listen, network, rules, &shared.web).await
    }
}
