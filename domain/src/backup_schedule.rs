//! A rule by which backups are made, and how many of them are kept.
//!
//! That a time of it is served once is decided here: `backup_schedule.ran` names the time, and time only goes forward.

mod cron;

use crate::{BotId, Decide, ScheduleId, TenantId, TimeZone, Timestamp, backup::Quiesce, claim::Claims};
pub use cron::CronText;
use serde::{Deserialize, Serialize};

/// Most backups that a rule may keep.
pub const MAX_KEEP: u32 = 1000;
/// Longest time that a rule may keep them, in days.
pub const MAX_DAYS: u32 = 3650;

/// What is to be done when, and what is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Of this bot; of all bots of the tenant where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<BotId>,
    /// When, in the tenant's time zone.
    pub cron: CronText,
    /// How bots are brought to rest.
    pub quiesce: Quiesce,
    /// So many of each bot are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_last: Option<u32>,
    /// Those that are not older than this are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
}

/// A command to one rule.
#[derive(Clone, Debug)]
pub enum ScheduleCommand {
    /// Let it say this from `at` on.
    Set {
        /// Its id, which also is its stream's.
        id: ScheduleId,
        /// Whose bots.
        tenant_id: TenantId,
        /// What it says.
        rule: Rule,
        /// The time.
        at: Timestamp,
    },
    /// Change what it says, if it is there.
    Change {
        /// What it says.
        rule: Rule,
        /// The time.
        at: Timestamp,
    },
    /// From the worker: what was due at this time was asked for.
    NoteRun(Timestamp),
    /// It says nothing any more. Its backups stay.
    Remove,
}

/// Why a command to a rule was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleRefusal {
    /// `Set` on a stream that exists.
    #[error("the schedule exists already")]
    Exists,
    /// Any other command where there is none.
    #[error("there is no such schedule")]
    Unknown,
    /// A number is not within its bounds.
    #[error("`{field}` must be 1 to {most}")]
    OutOfBounds {
        /// Which.
        field: &'static str,
        /// The largest that it may be.
        most: u32,
    },
}

/// An event of a rule's stream (`backup_schedule`, its id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum ScheduleEvent {
    /// It says this from now on.
    #[serde(rename = "backup_schedule.set")]
    Set {
        /// Its id.
        id: ScheduleId,
        /// Whose bots.
        tenant_id: TenantId,
        /// From when.
        at: Timestamp,
        /// What it says.
        #[serde(flatten)]
        rule: Rule,
    },
    /// What was due at this time was asked for.
    #[serde(rename = "backup_schedule.ran")]
    Ran {
        /// The time.
        due: Timestamp,
    },
    /// It says nothing any more.
    #[serde(rename = "backup_schedule.removed")]
    Removed {},
}

crate::aggregate::impl_event!(ScheduleEvent {
    Set => "backup_schedule.set" @ "1",
    Ran => "backup_schedule.ran" @ "1",
    Removed => "backup_schedule.removed" @ "1",
});

impl Claims for ScheduleEvent {}

/// The aggregate. `Default` is the state before the first `backup_schedule.set`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupSchedule {
    /// Present while it says something.
    pub active: Option<ActiveSchedule>,
    /// It said something once.
    pub removed: bool,
}

/// A rule that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveSchedule {
    /// Its id.
    pub id: ScheduleId,
    /// Whose bots.
    pub tenant_id: TenantId,
    /// What it says.
    pub rule: Rule,
    /// Since when it says this.
    pub set_at: Timestamp,
    /// The last time that was served.
    pub last_due: Option<Timestamp>,
}

impl ActiveSchedule {
    /// The time that has come and was not served. After a long stop it is the last one only: a bot gets one backup, not
    /// one for each that was missed.
    pub fn due(&self, zone: TimeZone, now: Timestamp) -> Option<Timestamp> {
        let served = self.last_due.map_or(self.set_at, |last| last.max(self.set_at));
        self.rule.cron.last_until(zone, now).filter(|due| *due > served)
    }
}

impl Decide for BackupSchedule {
    type Command = ScheduleCommand;
    type Event = ScheduleEvent;
    type Refusal = ScheduleRefusal;

    fn decide(&self, command: ScheduleCommand) -> Result<Vec<ScheduleEvent>, ScheduleRefusal> {
        match (&self.active, command) {
            (None, ScheduleCommand::Set { id, tenant_id, rule, at }) if !self.removed => {
                rule.check()?;
                Ok(vec![ScheduleEvent::Set { id, tenant_id, at, rule }])
            }
            (_, ScheduleCommand::Set { .. }) => Err(ScheduleRefusal::Exists),
            (None, _) => Err(ScheduleRefusal::Unknown),
            (Some(now), ScheduleCommand::Change { rule, .. }) if now.rule == rule => Ok(Vec::new()),
            (Some(now), ScheduleCommand::Change { rule, at }) => {
                rule.check()?;
                Ok(vec![ScheduleEvent::Set { id: now.id, tenant_id: now.tenant_id, at, rule }])
            }
            (Some(now), ScheduleCommand::NoteRun(due)) if now.last_due.is_some_and(|last| last >= due) => {
                Ok(Vec::new())
            }
            (Some(_), ScheduleCommand::NoteRun(due)) => Ok(vec![ScheduleEvent::Ran { due }]),
            (Some(_), ScheduleCommand::Remove) => Ok(vec![ScheduleEvent::Removed {}]),
        }
    }

    fn evolve(&mut self, event: ScheduleEvent) {
        match event {
            ScheduleEvent::Set { id, tenant_id, at, rule } => {
                let last_due = self.active.take().and_then(|before| before.last_due);
                self.active = Some(ActiveSchedule { id, tenant_id, rule, set_at: at, last_due });
            }
            ScheduleEvent::Ran { due } => {
                if let Some(active) = &mut self.active {
                    active.last_due = Some(due);
                }
            }
            ScheduleEvent::Removed {} => {
                self.active = None;
                self.removed = true;
            }
        }
    }
}

impl Rule {
    fn check(&self) -> Result<(), ScheduleRefusal> {
        let numbers = [("keepLast", self.keep_last, MAX_KEEP), ("keepDays", self.keep_days, MAX_DAYS)];
        for (field, number, most) in numbers {
            if number.is_some_and(|number| !(1..=most).contains(&number)) {
                return Err(ScheduleRefusal::OutOfBounds { field, most });
            }
        }
        Ok(())
    }
}

crate::aggregate::impl_aggregate!(BackupSchedule, "backup_schedule");

#[cfg(test)]
mod tests;
