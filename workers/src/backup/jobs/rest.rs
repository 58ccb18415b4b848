//! A bot at rest, so that its folder is that of one moment.

use super::BackupWorker;
use crate::{
    backup::{BackupError, Meter},
    hosts::Host,
    runtime::Phase,
};
use clawplane_domain::{
    BotId, TenantId,
    backup::Quiesce,
    bot::{BotCommand, Desired},
};
use std::time::Duration;
use tokio::time::Instant;

/// Time between two looks at a bot that is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl BackupWorker {
    /// Brings a bot to rest. `was_running` has to be in the events before.
    pub(super) async fn rest(
        &self,
        host: &Host,
        (tenant, bot): (TenantId, BotId),
        how: Quiesce,
        meter: &Meter,
    ) -> Result<(), BackupError> {
        let Some(seen) = host.runtime.inspect(bot).await? else { return Ok(()) };
        match how {
            Quiesce::Pause if seen.phase == Phase::Running => Ok(host.runtime.pause(&seen.id).await?),
            Quiesce::Pause => Ok(()),
            Quiesce::Stop => {
                self.want(tenant, bot, BotCommand::Stop).await?;
                self.until_stopped(host, bot, meter).await
            }
        }
    }

    async fn until_stopped(&self, host: &Host, bot: BotId, meter: &Meter) -> Result<(), BackupError> {
        let until = Instant::now() + self.parts.config.stop_within;
        loop {
            meter.check()?;
            let seen = host.runtime.inspect(bot).await?;
            if seen.is_none_or(|seen| matches!(seen.phase, Phase::Exited | Phase::Created)) {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(BackupError::Refused("the bot did not stop in time".to_owned()));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Lets a bot go on that rested.
    pub(super) async fn go_on(
        &self,
        host: &Host,
        (tenant, bot): (TenantId, BotId),
        how: Quiesce,
        was_running: bool,
    ) -> Result<(), BackupError> {
        match how {
            Quiesce::Pause => {
                let seen = host.runtime.inspect(bot).await?;
                match seen.filter(|seen| seen.phase == Phase::Paused) {
                    Some(seen) => Ok(host.runtime.unpause(&seen.id).await?),
                    None => Ok(()),
                }
            }
            Quiesce::Stop if was_running => self.want(tenant, bot, BotCommand::Start).await,
            Quiesce::Stop => Ok(()),
        }
    }

    /// Whether the bot is to run.
    pub(super) async fn is_wanted(&self, bot: BotId) -> Result<bool, BackupError> {
        Ok(self.bot(bot).await?.is_some_and(|bot| bot.desired == Desired::Running))
    }
}
