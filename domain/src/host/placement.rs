//! Which host a bot is placed on: a pure function of what there is and what is asked for.
//!
//! What bots may use is reserved by their limits, whether they run or not: a stopped bot may be started. A capacity
//! that somebody gave is kept to. One that only the engine told is for choosing among hosts: most bots use far less
//! than their limits, so without anybody's word no host is full.

use super::Capacity;
use crate::{
    HostId,
    bot::Limits,
    values::{Hostname, Tag},
};

/// What bots have reserved of a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Bots on it, or on their way to it.
    pub bots: u64,
    /// Their memory limits together, in MiB.
    pub memory_mib: u64,
    /// Their CPU limits together, in thousandths of a core.
    pub cpu_millis: u64,
}

/// A host that may be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: HostId,
    /// Its name.
    pub name: Hostname,
    /// What it has.
    pub labels: Vec<Tag>,
    /// What somebody said that bots may use of it.
    pub given: Capacity,
    /// What bots may use of it by the best that is known.
    pub capacity: Capacity,
    /// What they have reserved.
    pub reserved: Room,
    /// It gets no new bots.
    pub draining: bool,
    /// Nobody reaches it.
    pub lost: bool,
}

/// What a bot asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// What it reserves.
    pub limits: Limits,
    /// What its host must have.
    pub labels: &'a [Tag],
    /// The host that somebody chose.
    pub host: Option<&'a Hostname>,
}

/// Why a bot cannot be placed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// There is no host of this name.
    #[error("there is no host `{0}`")]
    Unknown(Hostname),
    /// The host that was chosen cannot take it.
    #[error("the host `{host}` {why}")]
    Refused {
        /// The host.
        host: Hostname,
        /// Why not.
        why: Why,
    },
    /// No host can.
    #[error("no host has room: {0}")]
    Nowhere(String),
}

/// Why a host cannot take a bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Why {
    /// A label is missing.
    #[error("does not have the labels that are asked for")]
    Labels,
    /// It is drained.
    #[error("is drained")]
    Draining,
    /// It is lost.
    #[error("is not reached")]
    Lost,
    /// Its memory is reserved.
    #[error("has not enough memory left")]
    Memory,
    /// Its CPU time is reserved.
    #[error("has not enough CPU time left")]
    Cpu,
}

/// The host for a bot: of those that can take it the one of which the largest part is free afterwards, of equal ones
/// that with the fewest bots, then by name.
pub fn place(candidates: &[Candidate], wish: Wish<'_>) -> Result<HostId, NoRoom> {
    if let Some(name) = wish.host {
        let chosen = candidates.iter().find(|host| host.name == *name);
        let chosen = chosen.ok_or_else(|| NoRoom::Unknown(name.clone()))?;
        let fits = fits(chosen, wish).map(|()| chosen.id);
        return fits.map_err(|why| NoRoom::Refused { host: name.clone(), why });
    }
    let able = candidates.iter().filter(|host| fits(host, wish).is_ok());
    let best = able.max_by(|a, b| {
        let order = free_permille(a, wish).cmp(&free_permille(b, wish));
        order.then(b.reserved.bots.cmp(&a.reserved.bots)).then_with(|| b.name.cmp(&a.name))
    });
    best.map(|host| host.id).ok_or_else(|| NoRoom::Nowhere(summary(candidates, wish)))
}

fn fits(host: &Candidate, wish: Wish<'_>) -> Result<(), Why> {
    let full = |limit: Option<u32>, reserved: u64, asked: u32| {
        limit.is_some_and(|limit| reserved.saturating_add(u64::from(asked)) > u64::from(limit))
    };
    let checks = [
        (wish.labels.iter().any(|label| !host.labels.contains(label)), Why::Labels),
        (host.draining, Why::Draining),
        (host.lost, Why::Lost),
        (full(host.given.memory_mib, host.reserved.memory_mib, wish.limits.memory_mib), Why::Memory),
        (full(host.given.cpu_millis, host.reserved.cpu_millis, wish.limits.cpu_millis), Why::Cpu),
    ];
    checks.into_iter().find(|(so, _)| *so).map_or(Ok(()), |(_, why)| Err(why))
}

/// What would be free of the scarcer of memory and CPU, in thousandths; less than nothing where more is reserved than
/// there is. A host of which nothing is known counts as half free.
fn free_permille(host: &Candidate, wish: Wish<'_>) -> i64 {
    let part = |capacity: Option<u32>, reserved: u64, asked: u32| {
        let capacity = capacity.filter(|capacity| *capacity > 0)?;
        let used = i64::try_from(reserved.saturating_add(u64::from(asked))).unwrap_or(i64::MAX);
        Some(1000 - used.saturating_mul(1000) / i64::from(capacity))
    };
    let memory = part(host.capacity.memory_mib, host.reserved.memory_mib, wish.limits.memory_mib);
    let cpu = part(host.capacity.cpu_millis, host.reserved.cpu_millis, wish.limits.cpu_millis);
    memory.into_iter().chain(cpu).min().unwrap_or(500)
}

/// How many hosts are out for which reason. It is seen by every tenant, so it names none.
fn summary(candidates: &[Candidate], wish: Wish<'_>) -> String {
    let mut whys: Vec<Why> = candidates.iter().filter_map(|host| fits(host, wish).err()).collect();
    whys.sort_unstable();
    let mut parts: Vec<String> = Vec::new();
    for group in whys.chunk_by(|a, b| a == b) {
        parts.extend(group.first().map(|why| format!("{} {why}", group.len())));
    }
    parts.join(", ")
}
