//! What a bot's folder holds, against its limit. The engine cannot bound a folder of the host, so it is measured.

use super::converge::{Converge, Next};
use crate::{
    runtime::{ContainerSeen, Phase, RuntimeError},
    workspace::look::Usage,
};
use clawplane_domain::bot::{BotState, Observation};
use tokio::time::Instant;

const MIB: u64 = 1024 * 1024;
/// From here on it is said that a limit is near, in percent.
const NEAR: u64 = 80;

/// A folder as it was measured last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    at: Instant,
    usage: Usage,
}

impl Converge {
    /// Why it may not run for want of room, measured at most once a pass. What cannot be measured is no reason.
    async fn disk_fault(&mut self) -> Option<String> {
        let every = self.shared.config.reconcile_every;
        let fresh = self.memory.disk.filter(|seen| seen.at.elapsed() < every);
        let usage = match fresh {
            Some(seen) => seen.usage,
            None => match self.shared.workspaces.measure(self.bot.id).await {
                Ok(usage) => {
                    self.memory.disk = Some(Measured { at: Instant::now(), usage });
                    usage
                }
                Err(error) => {
                    tracing::warn!(bot = %self.bot.id, %error, "a bot's folder cannot be measured");
                    return None;
                }
            },
        };
        let limit = self.bot.limits.disk();
        if !usage.complete {
            return Some(
                "disk_limit: its folder has more files, or deeper folders, than any bot may have".to_owned(),
            );
        }
        let used = usage.bytes / MIB;
        (used > limit.into()).then(|| format!("disk_limit: its folder has {used} MiB, and its limit is {limit} MiB; make room, or raise the limit"))
    }

    /// Said of a bot that is near its limit.
    pub(super) fn disk_warning(&self) -> Option<String> {
        let limit = u64::from(self.bot.limits.disk());
        let used = self.memory.disk?.usage.bytes / MIB;
        (used > limit * NEAR / 100)
            .then(|| format!("its folder has more than {NEAR} % of its limit of {limit} MiB"))
    }

    /// Stops a bot that is beyond its limit, or leaves it stopped until there is room.
    pub(super) async fn rest_without_room(
        &mut self,
        seen: Option<&ContainerSeen>,
    ) -> Result<Option<Next>, RuntimeError> {
        let Some(reason) = self.disk_fault().await else { return Ok(None) };
        let container_id = seen.map(|seen| seen.id.clone());
        if let Some(seen) = seen.filter(|seen| seen.phase == Phase::Running) {
            tracing::warn!(bot = %self.bot.id, hostname = %self.bot.hostname, %reason, "a bot is stopped for want of room");
            metrics::counter!("clawplane_bot_disk_stops_total").increment(1);
            let _permit = self.shared.permits.acquire().await;
            self.shared.runtime.stop(&seen.id, self.shared.config.stop_grace).await?;
        }
        self.shared.forwards.remove(self.bot.id).await;
        self.memory.starting_since = None;
        let restarts = self.memory.failures.total();
        let reason = Some(reason);
        self.report(Observation { reason, container_id, restarts, ..Observation::new(BotState::Failed) })
            .await;
        Ok(Some(Next::Settled))
    }
}
