//! Upgrades: a bot is tried with its new image, and has it once it was healthy with it; else it has the old one again.
//!
//! Nothing of this is remembered here. While an upgrade is pending the bot's specification is that of the new image, and
//! once its outcome is recorded that of whichever image won: a worker that ends anywhere in between goes on from there.

use super::converge::{AGAIN, Converge, Next};
use super::reason;
use clawplane_domain::bot::{BotState, Observation};
use tokio::time::Instant;

impl Converge {
    /// The upgrade that is under way.
    pub(super) fn trial(&self) -> Option<u32> {
        self.bot.life.trial().map(|upgrade| upgrade.number)
    }

    /// It is healthy with the new image. `false`: that could not be recorded.
    pub(super) async fn commit_upgrade(&mut self, number: u32) -> bool {
        let settled = self.shared.reports.settle_upgrade(self.bot.id, self.bot.tenant_id, number, None).await;
        if let Err(error) = settled {
            self.unreported(&error);
            return false;
        }
        tracing::info!(bot = %self.bot.id, hostname = %self.bot.hostname, number, "a bot was upgraded");
        metrics::counter!("clawplane_bot_upgrades_total", "outcome" => "committed").increment(1);
        true
    }

    /// It cannot be with the new image. What follows begins with the word of it: the bot has its old image then.
    pub(super) async fn roll_back(&mut self, number: u32, reason: &str) -> Next {
        let reason = reason::clean(reason, None);
        let (bot, reports) = (&self.bot, &self.shared.reports);
        let settled = reports.settle_upgrade(bot.id, bot.tenant_id, number, Some(reason.clone())).await;
        if let Err(error) = settled {
            self.unreported(&error);
            return Next::After(AGAIN);
        }
        tracing::warn!(bot = %bot.id, hostname = %bot.hostname, number, %reason, "an upgrade was rolled back");
        metrics::counter!("clawplane_bot_upgrades_total", "outcome" => "rolled_back").increment(1);
        self.memory.forgive();
        self.memory.starting_since = None;
        let reason = Some(format!("its upgrade was rolled back: {reason}"));
        let restarts = self.memory.failures.total();
        self.report(Observation { reason, restarts, ..Observation::new(BotState::Starting) }).await;
        Next::Settled
    }

    /// What follows for a bot that is tried and does not answer (yet).
    pub(super) async fn still_trying(&mut self, number: u32, container: String, problem: &str) -> Next {
        let config = &self.shared.config;
        let (within, every) = (config.health_within, config.health_every);
        let since = *self.memory.starting_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= within {
            let reason = format!("it was not healthy within {} s: {problem}", within.as_secs());
            return self.roll_back(number, &reason).await;
        }
        let restarts = self.memory.failures.total();
        let seen =
            Observation { container_id: Some(container), restarts, ..Observation::new(BotState::Starting) };
        self.report(seen).await;
        Next::After(every)
    }
}
