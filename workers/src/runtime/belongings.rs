//! What is at an engine under this installation's label, as plain facts: for the doctor and for the cleanup.

use clawplane_domain::{BotId, Timestamp};
use std::collections::BTreeMap;

/// Everything that carries the installation's label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Belongings {
    /// Containers, whether they run or not.
    pub containers: Vec<ContainerFacts>,
    /// Networks.
    pub networks: Vec<NetworkFacts>,
    /// Volumes.
    pub volumes: Vec<VolumeFacts>,
}

/// How a container was really made. Sizes are bytes; zero is "no limit", as the engine has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerFacts {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The bot that its label names; `None` where that is no bot's id.
    pub bot: Option<BotId>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Whether it has a process.
    pub running: bool,
    /// What it was made from.
    pub image: String,
    /// `uid:gid`.
    pub user: String,
    /// Capabilities that it got beside the usual ones.
    pub cap_add: Vec<String>,
    /// Capabilities that it lost.
    pub cap_drop: Vec<String>,
    /// `no-new-privileges`, `seccomp=...`, ...
    pub security_opt: Vec<String>,
    /// It has the host's rights.
    pub privileged: bool,
    /// Its root file system cannot be written.
    pub readonly_root: bool,
    /// Processes and threads.
    pub pids: i64,
    /// Memory.
    pub memory: i64,
    /// Memory and swap together.
    pub memory_swap: i64,
    /// CPU time, in billionths of a core.
    pub nano_cpus: i64,
    /// Devices of the host.
    pub devices: usize,
    /// What it shares with the host or with other containers: `pid`, `ipc`, `uts`, `userns`, with the mode.
    pub shares: Vec<String>,
    /// What of the host is in it.
    pub mounts: Vec<MountFacts>,
    /// Ports of the host that lead to it, `address:port`.
    pub published: Vec<String>,
    /// The networks that it is on.
    pub networks: Vec<String>,
}

/// Something mounted in a container, but for its own memory (`tmpfs`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountFacts {
    /// `bind`, `volume`, ...
    pub kind: String,
    /// On the host.
    pub source: String,
    /// In the container.
    pub target: String,
}

/// A network as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkFacts {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The bot that its label names.
    pub bot: Option<BotId>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// There is no way out of it.
    pub internal: bool,
    /// It has IPv6.
    pub ipv6: bool,
    /// The ids of the containers on it.
    pub members: Vec<String>,
}

/// A volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeFacts {
    /// Its name, which is its id.
    pub name: String,
    /// The bot that its label names.
    pub bot: Option<BotId>,
    /// When it was made.
    pub created: Option<Timestamp>,
}
