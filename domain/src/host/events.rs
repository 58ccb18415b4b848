//! What happens to a host.

use super::{AddHost, HostChange, Measured, Unreachable};
use crate::{
    DataKeyId,
    claim::{Claim, Claims, Scope},
    values::Hostname,
};
use serde::{Deserialize, Serialize};

/// An event of a host's stream (`host`, the host's id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum HostEvent {
    /// Bots may be placed there. Takes its name.
    #[serde(rename = "host.added")]
    Added {
        /// What it is made of.
        #[serde(flatten)]
        host: AddHost,
    },
    /// It is reached, chosen or filled otherwise.
    #[serde(rename = "host.changed")]
    Changed {
        /// What is different.
        #[serde(flatten)]
        change: HostChange,
    },
    /// It gets no new bots.
    #[serde(rename = "host.drained")]
    Drained {},
    /// It may get bots again.
    #[serde(rename = "host.resumed")]
    Resumed {},
    /// Its engine said what it is and how large its machine is.
    #[serde(rename = "host.measured")]
    Measured {
        /// What it said.
        #[serde(flatten)]
        measured: Measured,
    },
    /// Nobody reaches it any more; what its bots do is unknown.
    #[serde(rename = "host.lost")]
    Lost {
        /// Since when, and why.
        #[serde(flatten)]
        lost: Unreachable,
    },
    /// It is reached again.
    #[serde(rename = "host.found")]
    Found {},
    /// It is none of ours any more. Frees its name; the key of its client certificate is destroyed.
    #[serde(rename = "host.removed")]
    Removed {
        /// The name that becomes free.
        name: Hostname,
        /// The vault's row to destroy.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data_key_id: Option<DataKeyId>,
    },
}

crate::aggregate::impl_event!(HostEvent {
    Added => "host.added" @ "1",
    Changed => "host.changed" @ "1",
    Drained => "host.drained" @ "1",
    Resumed => "host.resumed" @ "1",
    Measured => "host.measured" @ "1",
    Lost => "host.lost" @ "1",
    Found => "host.found" @ "1",
    Removed => "host.removed" @ "1",
});

impl Claims for HostEvent {
    fn takes(&self) -> Vec<Claim> {
        match self {
            Self::Added { host } => vec![Claim::new(Scope::HostName, &host.name)],
            _ => Vec::new(),
        }
    }

    fn releases(&self) -> Vec<Claim> {
        match self {
            Self::Removed { name, .. } => vec![Claim::new(Scope::HostName, name)],
            _ => Vec::new(),
        }
    }
}
