//! A tenant's plan: the most that one bot of it, and all of them together, may use.

use crate::bot::Limits;
use serde::{Deserialize, Serialize};

/// Resources of containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// CPU time, in thousandths of a core.
    pub cpu_millis: u64,
    /// Processes and threads.
    pub pids: u64,
    /// Disk, in MiB.
    pub disk_mib: u64,
}

impl Share {
    /// With another one.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            memory_mib: self.memory_mib.saturating_add(other.memory_mib),
            cpu_millis: self.cpu_millis.saturating_add(other.cpu_millis),
            pids: self.pids.saturating_add(other.pids),
            disk_mib: self.disk_mib.saturating_add(other.disk_mib),
        }
    }

    /// The first of these in which it is more than `most`.
    fn beyond(self, most: Self) -> Option<(&'static str, u64)> {
        let pairs = [
            ("memoryMib", self.memory_mib, most.memory_mib),
            ("cpuMillis", self.cpu_millis, most.cpu_millis),
            ("pids", self.pids, most.pids),
            ("diskMib", self.disk_mib, most.disk_mib),
        ];
        pairs.into_iter().find(|(_, wanted, most)| wanted > most).map(|(field, _, most)| (field, most))
    }
}

impl From<Limits> for Share {
    fn from(limits: Limits) -> Self {
        Self {
            memory_mib: limits.memory_mib.into(),
            cpu_millis: limits.cpu_millis.into(),
            pids: limits.pids.into(),
            disk_mib: limits.disk().into(),
        }
    }
}

/// What a tenant's bots may use. It bounds what is asked for from now on; what runs goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Bots.
    pub bots: u32,
    /// Of one bot.
    pub each: Share,
    /// Of all bots together, whether they run or not.
    pub all: Share,
    /// Bots may have a root file system that can be written.
    pub writable_root: bool,
}

impl Default for Plan {
    /// Bounds only what no machine has: whoever wants bounds says which.
    fn default() -> Self {
        let each = Share { memory_mib: 1 << 20, cpu_millis: 1_024_000, pids: 32_768, disk_mib: 16 << 20 };
        let times = |n: u64| n.saturating_mul(10_000);
        let all = Share {
            memory_mib: times(each.memory_mib),
            cpu_millis: times(each.cpu_millis),
            pids: times(each.pids),
            disk_mib: times(each.disk_mib),
        };
        Self { bots: 100_000, each, all, writable_root: false }
    }
}

/// Why a bot does not fit into a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverPlan {
    /// One more bot is too many.
    #[error("the tenant's plan has {most} bots")]
    Bots {
        /// So many there may be.
        most: u32,
    },
    /// It alone would have too much.
    #[error("is at most {most} for a bot in the tenant's plan")]
    Each {
        /// Of this.
        field: &'static str,
        /// So much it may have.
        most: u64,
    },
    /// Together with the others it would have too much.
    #[error(
        "is at most {most} for all bots together in the tenant's plan, and the others have {others} of it"
    )]
    All {
        /// Of this.
        field: &'static str,
        /// So much there may be.
        most: u64,
        /// So much the others have.
        others: u64,
    },
    /// Its root file system could be written.
    #[error("takes a plan that allows it")]
    WritableRoot,
}

impl OverPlan {
    /// The limit that is too large; `None` where it is the number of bots.
    pub fn field(self) -> Option<&'static str> {
        match self {
            Self::Bots { .. } => None,
            Self::Each { field, .. } | Self::All { field, .. } => Some(field),
            Self::WritableRoot => Some("writableRoot"),
        }
    }
}

impl Plan {
    /// Whether one bot may have these limits, whatever the others have.
    pub fn fits(&self, limits: Limits) -> Result<(), OverPlan> {
        if limits.writable_root && !self.writable_root {
            return Err(OverPlan::WritableRoot);
        }
        match Share::from(limits).beyond(self.each) {
            Some((field, most)) => Err(OverPlan::Each { field, most }),
            None => Ok(()),
        }
    }

    /// Whether there is room for a bot with these limits beside `others`.
    pub fn has_room(&self, limits: Limits, others: &[Limits]) -> Result<(), OverPlan> {
        self.fits(limits)?;
        if u32::try_from(others.len()).unwrap_or(u32::MAX) >= self.bots {
            return Err(OverPlan::Bots { most: self.bots });
        }
        let used = others.iter().fold(Share::default(), |sum, one| sum.plus(Share::from(*one)));
        let Some((field, most)) = used.plus(limits.into()).beyond(self.all) else { return Ok(()) };
        let others = match field {
            "memoryMib" => used.memory_mib,
            "cpuMillis" => used.cpu_millis,
            "pids" => used.pids,
            _ => used.disk_mib,
        };
        Err(OverPlan::All { field, most, others })
    }
}

#[cfg(test)]
mod tests;
