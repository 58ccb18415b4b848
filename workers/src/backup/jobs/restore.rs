//! A backup goes into a bot: unpacked beside the bot's folder while the bot runs on, compared, and swapped in while it
//! rests. Whatever goes wrong before the swap changes nothing.

use super::{BackupWorker, is_begun};
use crate::{
    backup::{BackupError, Meter, Unpacked},
    hosts::Host,
    runtime::Phase,
};
use clawplane_domain::{
    backup::{BackupCommand, BackupProfile, BeginRestore, Quiesce, Restore, RestoreState, Restored},
    bot::{BotCommand, Replaces},
};
use clawplane_eventstore::Wanted;
use std::{sync::Arc, time::Duration};

const GONE: &str = "the process that restored it ended in the middle; the bot is as it was";

impl BackupWorker {
    pub(super) async fn restore(&self, backup: &BackupProfile, meter: &Meter) -> Result<(), BackupError> {
        let Some(restore) = backup.open_restore() else { return Ok(()) };
        let host = self.parts.hosts.of(restore.request.into).await?;
        if is_begun(restore.state) {
            return self.take_over(backup, restore, &host).await;
        }
        match self.restore_new(backup, restore, &host, meter).await {
            Ok(()) => Ok(()),
            Err((error, was_running)) => {
                self.give_up(backup, restore, &host, was_running, &error.to_string()).await?;
                Err(error)
            }
        }
    }

    /// What another process had begun: the bot has the restored folder, or the one that it had.
    async fn take_over(
        &self,
        backup: &BackupProfile,
        restore: &Restore,
        host: &Host,
    ) -> Result<(), BackupError> {
        if restore.worker.as_deref() == Some(&self.me) {
            return Ok(());
        }
        let wanted = &restore.request;
        let swapped = restore.state == RestoreState::Swapped
            || host.workspaces.has_swapped(wanted.into, wanted.restore_id).await?;
        if !swapped {
            return self.give_up(backup, restore, host, restore.was_running, GONE).await;
        }
        let sums = backup.sums.as_ref().map(|sums| Restored { entries: sums.entries, bytes: sums.bytes });
        self.finish(
            backup,
            restore,
            host,
            sums.unwrap_or(Restored { entries: 0, bytes: 0 }),
            restore.was_running,
        )
        .await
    }

    async fn restore_new(
        &self,
        backup: &BackupProfile,
        restore: &Restore,
        host: &Arc<Host>,
        meter: &Meter,
    ) -> Result<(), (BackupError, bool)> {
        let wanted = &restore.request;
        let was_running = self.is_wanted(wanted.into).await.map_err(|error| (error, false))?;
        let fault = |error| (error, was_running);
        let begin = BeginRestore { restore_id: wanted.restore_id, worker: self.me.clone(), was_running };
        self.say(backup, BackupCommand::BeginRestore(begin)).await.map_err(fault)?;
        let restored = self.unpack_and_swap(backup, restore, host, meter).await.map_err(fault)?;
        // From here on the bot has the restored folder: nothing is taken back any more. What fails now is done by the
        // next process, or the next pass of this one.
        if let Err(error) = self.finish(backup, restore, host, restored, was_running).await {
            tracing::warn!(backup = %backup.request.id, %error, "a restored bot cannot be let go on yet");
        }
        Ok(())
    }

    async fn unpack_and_swap(
        &self,
        backup: &BackupProfile,
        restore: &Restore,
        host: &Arc<Host>,
        meter: &Meter,
    ) -> Result<Restored, BackupError> {
        let wanted = &restore.request;
        let (tenant, bot) = (backup.request.tenant_id, wanted.into);
        let bytes = backup.sums.as_ref().map_or(0, |sums| sums.bytes);
        meter.stage("unpacking", bytes);
        let free = host.workspaces.free_bytes()?;
        if free / 20 * 19 < bytes {
            return Err(BackupError::TooLarge(format!("{bytes} bytes where {free} are free")));
        }
        let fresh = host.workspaces.fresh(wanted.restore_id)?;
        let (fresh, unpacked) =
            self.archives().unpack(backup, fresh, self.parts.config.limits, meter).await?;
        super::make::blocking(move || Ok(fresh.finish()?)).await?;
        meter.stage("swapping", 0);
        self.rest(host, (tenant, bot), Quiesce::Stop, meter).await?;
        self.renew_token(backup, restore, host).await?;
        meter.check()?;
        host.workspaces.swap(bot, wanted.restore_id).await?;
        let Unpacked { manifest, .. } = unpacked;
        Ok(Restored { entries: manifest.entries.len() as u64, bytes: manifest.bytes })
    }

    /// Whoever had the archive had all that is in it. A new bot has a token of its own already, and one whose tokens were
    /// revoked stays without.
    async fn renew_token(
        &self,
        backup: &BackupProfile,
        restore: &Restore,
        host: &Host,
    ) -> Result<(), BackupError> {
        let (tenant, bot) = (backup.request.tenant_id, restore.request.into);
        let profile = self.bot(bot).await?;
        let profile = profile.ok_or_else(|| BackupError::Refused("the bot was deleted".to_owned()))?;
        if bot != backup.request.bot_id || profile.token.is_none() {
            return Ok(());
        }
        let wanted = Wanted { bot, tenant, replaces: Replaces::Present, grace: Duration::ZERO };
        let rotated = self.parts.issuer.rotate(wanted, self.context(tenant, None)).await;
        let (token, _) = rotated.map_err(|error| BackupError::Refused(error.to_string()))?;
        Ok(host.workspaces.set_fresh_token(restore.request.restore_id, &token).await?)
    }

    /// The bot has its restored folder: it goes on, and what it had before is removed.
    async fn finish(
        &self,
        backup: &BackupProfile,
        restore: &Restore,
        host: &Host,
        restored: Restored,
        was_running: bool,
    ) -> Result<(), BackupError> {
        let wanted = &restore.request;
        let (tenant, bot) = (backup.request.tenant_id, wanted.into);
        self.say(backup, BackupCommand::NoteSwapped(wanted.restore_id, restored)).await?;
        // Somebody may have started it meanwhile: that container still has the folder from before.
        let seen = host.runtime.inspect(bot).await?;
        if let Some(seen) = seen.filter(|seen| matches!(seen.phase, Phase::Running | Phase::Paused)) {
            host.runtime.remove(&seen.id).await?;
        }
        if was_running || wanted.start {
            self.want(tenant, bot, BotCommand::Start).await?;
        }
        self.say(backup, BackupCommand::CompleteRestore(wanted.restore_id)).await?;
        metrics::counter!("clawplane_restores_total", "outcome" => "completed").increment(1);
        Ok(host.workspaces.clear_restore(bot, wanted.restore_id).await?)
    }

    async fn give_up(
        &self,
        backup: &BackupProfile,
        restore: &Restore,
        host: &Host,
        was_running: bool,
        reason: &str,
    ) -> Result<(), BackupError> {
        let wanted = &restore.request;
        let (tenant, bot) = (backup.request.tenant_id, wanted.into);
        if was_running {
            self.want(tenant, bot, BotCommand::Start).await?;
        }
        host.workspaces.clear_restore(bot, wanted.restore_id).await?;
        metrics::counter!("clawplane_restores_total", "outcome" => "failed").increment(1);
        self.say(backup, BackupCommand::FailRestore(wanted.restore_id, reason.to_owned())).await
    }
}
