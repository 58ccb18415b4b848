//! What a host is.

use super::{AddHost, HostCommand, HostEvent, HostRefusal};
use crate::{Decide, SealedSecret, Timestamp};
use serde::{Deserialize, Serialize};

/// How the worker shows an engine who it is, and knows who the engine is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsIdentity {
    /// Certificates, in PEM, one of which has to have signed the engine's.
    pub ca: String,
    /// The worker's own certificate, in PEM.
    pub certificate: String,
    /// The key that goes with it, in PEM. Its additional data are the host's id.
    pub key: SealedSecret,
}

/// What bots may use of a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Memory, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    /// CPU time, in thousandths of a core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_millis: Option<u32>,
}

/// What an engine says of its machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// The engine with its version.
    pub engine: String,
    /// Memory of the machine, in MiB; zero where it is not known.
    pub memory_mib: u32,
    /// Cores of the machine, in thousandths; zero where that is not known.
    pub cpu_millis: u32,
}

/// A host that nobody reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unreachable {
    /// When that was noticed.
    pub since: Timestamp,
    /// Why, for people.
    pub reason: String,
}

/// The aggregate. `Default` is the state before `host.added`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// Present from `host.added` on.
    pub profile: Option<HostProfile>,
}

/// A host that exists, or existed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostProfile {
    /// What it was made of, with what was changed since.
    #[serde(flatten)]
    pub host: AddHost,
    /// It gets no new bots.
    pub draining: bool,
    /// What its engine said last.
    pub measured: Option<Measured>,
    /// Nobody reaches it.
    pub lost: Option<Unreachable>,
    /// Nothing follows.
    pub removed: bool,
}

impl HostProfile {
    /// What bots may use of it: what somebody gave, else what the engine says there is.
    pub fn capacity(&self) -> Capacity {
        let (given, measured) = (self.host.capacity, self.measured.as_ref());
        // An engine that says nothing of its machine says zero.
        let known = |number: u32| (number > 0).then_some(number);
        Capacity {
            memory_mib: given.memory_mib.or(measured.and_then(|seen| known(seen.memory_mib))),
            cpu_millis: given.cpu_millis.or(measured.and_then(|seen| known(seen.cpu_millis))),
        }
    }
}

impl Decide for Host {
    type Command = HostCommand;
    type Event = HostEvent;
    type Refusal = HostRefusal;

    fn decide(&self, command: HostCommand) -> Result<Vec<HostEvent>, HostRefusal> {
        super::commands::decide(self, command)
    }

    fn evolve(&mut self, event: HostEvent) {
        if let HostEvent::Added { host } = event {
            self.profile =
                Some(HostProfile { host, draining: false, measured: None, lost: None, removed: false });
            return;
        }
        let Some(profile) = &mut self.profile else { return };
        match event {
            HostEvent::Added { .. } => {}
            HostEvent::Changed { change } => change.apply(&mut profile.host),
            HostEvent::Drained {} => profile.draining = true,
            HostEvent::Resumed {} => profile.draining = false,
            HostEvent::Measured { measured } => profile.measured = Some(measured),
            HostEvent::Lost { lost } => profile.lost = Some(lost),
            HostEvent::Found {} => profile.lost = None,
            HostEvent::Removed { .. } => profile.removed = true,
        }
    }
}

crate::aggregate::impl_aggregate!(Host, "host");
