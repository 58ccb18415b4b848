//! Backups that rules ask for, and those that no rule keeps any more.
//!
//! What is due is asked for with the rule and the time as idempotency key, bot for bot, and only then the time counts as
//! served: a crash in between leads to the same requests again, which change nothing.

use super::{BackupWorker, ports::BackedBot};
use crate::backup::BackupError;
use chrono::TimeDelta;
use clawplane_domain::{
    BackupId, BatchId, BotId, Timestamp,
    backup::{Backup, BackupCommand, BackupProfile, BackupState, DeletedBy, RequestBackup},
    backup_schedule::{ActiveSchedule, BackupSchedule, ScheduleCommand},
};
use clawplane_eventstore::Idempotency;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Backups of a rule and bot that failed and stay known.
const FAILED_KEPT: usize = 20;

impl BackupWorker {
    pub(super) async fn rounds(&self) -> Result<(), BackupError> {
        let now = self.parts.clock.now();
        let schedules = self.parts.wanted.schedules().await;
        let schedules = schedules.map_err(|error| BackupError::Refused(error.to_string()))?;
        for (schedule, zone) in schedules {
            if let Some(due) = schedule.due(zone, now) {
                self.serve(&schedule, due).await?;
            }
            self.retain(&schedule, now).await?;
        }
        Ok(())
    }

    /// Asks for what is due.
    async fn serve(&self, schedule: &ActiveSchedule, due: Timestamp) -> Result<(), BackupError> {
        let bots = self.parts.wanted.bots(schedule.tenant_id).await;
        let bots = bots.map_err(|error| BackupError::Refused(error.to_string()))?;
        let key = format!("backup-schedule/{}/{}", schedule.id, due.timestamp());
        let batch = BatchId(Uuid::new_v5(&schedule.id.0, key.as_bytes()));
        let meant = |bot: &BackedBot| schedule.rule.bot_id.is_none_or(|wanted| wanted == bot.id);
        for bot in bots.into_iter().filter(|bot| bot.started && meant(bot)) {
            let request = RequestBackup {
                id: BackupId(self.parts.ids.uuid()),
                tenant_id: schedule.tenant_id,
                bot_id: bot.id,
                hostname: bot.hostname,
                made_of: bot.made_of,
                quiesce: schedule.rule.quiesce,
                batch_id: Some(batch),
                schedule_id: Some(schedule.id),
                requested_by: None,
            };
            let idempotency = Idempotency { key: format!("{key}/{}", bot.id), fingerprint: key.clone() };
            let context = self.context(schedule.tenant_id, Some(idempotency));
            let command = BackupCommand::Request(Box::new(request.clone()));
            self.execute::<Backup>(request.id, command, context).await?;
        }
        tracing::info!(schedule = %schedule.id, %due, "scheduled backups were asked for");
        let context = self.context(schedule.tenant_id, None);
        match self.execute::<BackupSchedule>(schedule.id, ScheduleCommand::NoteRun(due), context).await {
            // It was removed meanwhile.
            Ok(()) | Err(BackupError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn retain(&self, schedule: &ActiveSchedule, now: Timestamp) -> Result<(), BackupError> {
        let made = self.parts.wanted.of_schedule(schedule.id).await;
        let made = made.map_err(|error| BackupError::Refused(error.to_string()))?;
        for id in falls_out(schedule, &made, now) {
            let context = self.context(schedule.tenant_id, None);
            match self.execute::<Backup>(id, BackupCommand::Delete(DeletedBy::Retention), context).await {
                // It is being restored, or gone already.
                Ok(()) | Err(BackupError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What a rule does not keep: of each bot what is beyond its number or older than its days, but never the newest one that
/// is complete. `made` is by bot, newest first.
fn falls_out(
    schedule: &ActiveSchedule,
    made: &[(BackupProfile, Timestamp)],
    now: Timestamp,
) -> Vec<BackupId> {
    let (last, days) = (schedule.rule.keep_last, schedule.rule.keep_days);
    let (mut complete, mut failed) = (BTreeMap::<BotId, usize>::new(), BTreeMap::<BotId, usize>::new());
    let mut out = Vec::new();
    for (backup, requested_at) in made {
        let bot = backup.request.bot_id;
        let gone = match backup.state {
            BackupState::Completed => {
                let nth = complete.entry(bot).or_default();
                *nth += 1;
                let too_many = last.is_some_and(|last| *nth > last as usize);
                let too_old = days.is_some_and(|days| now - *requested_at > TimeDelta::days(days.into()));
                *nth > 1 && (too_many || too_old)
            }
            BackupState::Failed => {
                let nth = failed.entry(bot).or_default();
                *nth += 1;
                *nth > FAILED_KEPT
            }
            _ => false,
        };
        if gone && backup.open_restore().is_none() {
            out.push(backup.request.id);
        }
    }
    out
}

#[cfg(test)]
mod tests;
