//! What can be asked of a host, and what is decided.

use super::{
    Capacity, DataDir, EngineAddress, Host, HostEvent, HostProfile, Measured, TlsIdentity, Unreachable,
    address::Way,
};
use crate::{
    HostId, Timestamp,
    values::{Hostname, Tag},
};
use serde::{Deserialize, Serialize};

/// Most labels of one host, and of one bot's wish.
pub const MAX_LABELS: usize = 32;
/// Longest reason of a loss, in characters.
const MAX_REASON: usize = 500;

/// Everything a host is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddHost {
    /// Its id, which also is its stream's.
    pub id: HostId,
    /// Its name in the API.
    pub name: Hostname,
    /// Where its engine is reached.
    pub engine: EngineAddress,
    /// Who the worker is to the engine, for TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsIdentity>,
    /// The folder of its bots.
    pub data_dir: DataDir,
    /// What bots may ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Tag>,
    /// What bots may use of it, where that is said.
    #[serde(default)]
    pub capacity: Capacity,
}

/// A change of a host; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostChange {
    /// Where its engine is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineAddress>,
    /// The folder of its bots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<DataDir>,
    /// What bots may ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<Tag>>,
    /// What bots may use of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
}

impl HostChange {
    /// Makes `host` what it is after it.
    pub(super) fn apply(self, host: &mut AddHost) {
        host.engine = self.engine.unwrap_or_else(|| host.engine.clone());
        host.data_dir = self.data_dir.unwrap_or_else(|| host.data_dir.clone());
        host.labels = self.labels.unwrap_or_else(|| host.labels.clone());
        host.capacity = self.capacity.unwrap_or(host.capacity);
    }

    /// Without what is so already.
    fn news(mut self, host: &AddHost) -> Option<Self> {
        self.engine.take_if(|new| *new == host.engine);
        self.data_dir.take_if(|new| *new == host.data_dir);
        self.labels.take_if(|new| *new == host.labels);
        self.capacity.take_if(|new| *new == host.capacity);
        (self != Self::default()).then_some(self)
    }
}

/// A command to one host.
#[derive(Clone, Debug)]
pub enum HostCommand {
    /// Add it.
    Add(Box<AddHost>),
    /// Choose or fill it otherwise. The platform itself also says so where its own engine is reached.
    Change(HostChange),
    /// Place no more bots there.
    Drain,
    /// Place bots there again.
    Resume,
    /// From the worker: its engine answers, and says this.
    Seen(Measured),
    /// From the worker: nobody reaches it.
    Lost {
        /// Now.
        at: Timestamp,
        /// Why, for people.
        reason: String,
    },
    /// Forget it. Only when nothing is on it, which the caller has seen to.
    Remove,
}

/// Why a command to a host was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostRefusal {
    /// `Add` on a stream that exists.
    #[error("the host exists already")]
    Exists,
    /// A command to a host that does not exist or was removed.
    #[error("there is no such host")]
    Unknown,
    /// Too many labels.
    #[error("`labels` may have at most {MAX_LABELS} entries")]
    TooManyLabels,
    /// An engine that anybody on the way could take over.
    #[error("`tls` is required for `tcp://`")]
    NeedsTls,
    /// Certificates for a way that has none.
    #[error("`tls` is for `tcp://` only")]
    NoTls,
    /// The platform's own machine stays.
    #[error("the platform's own host cannot be removed")]
    Local,
    /// New bots may be on their way to it.
    #[error("the host must be drained before it is removed")]
    NotDrained,
}

pub(super) fn decide(state: &Host, command: HostCommand) -> Result<Vec<HostEvent>, HostRefusal> {
    let (profile, command) = match (&state.profile, command) {
        (None, HostCommand::Add(host)) => return add(*host),
        (Some(_), HostCommand::Add(_)) => return Err(HostRefusal::Exists),
        (None, _) => return Err(HostRefusal::Unknown),
        (Some(profile), _) if profile.removed => return Err(HostRefusal::Unknown),
        (Some(profile), command) => (profile, command),
    };
    let host = &profile.host;
    Ok(match command {
        HostCommand::Change(change) => {
            check_labels(change.labels.as_deref().unwrap_or_default())?;
            let news = change.news(host).map(|change| HostEvent::Changed { change });
            news.into_iter().collect()
        }
        HostCommand::Drain if profile.draining => Vec::new(),
        HostCommand::Drain => vec![HostEvent::Drained {}],
        HostCommand::Resume if !profile.draining => Vec::new(),
        HostCommand::Resume => vec![HostEvent::Resumed {}],
        HostCommand::Seen(measured) => seen(profile, measured),
        HostCommand::Lost { .. } if profile.lost.is_some() => Vec::new(),
        HostCommand::Lost { at, reason } => {
            let fit = |c: &char| !c.is_control();
            let reason = reason.chars().filter(fit).take(MAX_REASON).collect();
            vec![HostEvent::Lost { lost: Unreachable { since: at, reason } }]
        }
        HostCommand::Remove if host.id.is_local() => return Err(HostRefusal::Local),
        HostCommand::Remove if !profile.draining => return Err(HostRefusal::NotDrained),
        HostCommand::Remove => vec![HostEvent::Removed {
            name: host.name.clone(),
            data_key_id: host.tls.as_ref().map(|tls| tls.key.data_key_id),
        }],
        HostCommand::Add(_) => return Err(HostRefusal::Exists),
    })
}

fn add(host: AddHost) -> Result<Vec<HostEvent>, HostRefusal> {
    check_labels(&host.labels)?;
    let tcp = host.engine.way() == Way::Tcp;
    // What the platform itself is told by its environment is its operator's business.
    if tcp && host.tls.is_none() && !host.id.is_local() {
        return Err(HostRefusal::NeedsTls);
    }
    if !tcp && host.tls.is_some() {
        return Err(HostRefusal::NoTls);
    }
    Ok(vec![HostEvent::Added { host }])
}

fn check_labels(labels: &[Tag]) -> Result<(), HostRefusal> {
    if labels.len() > MAX_LABELS { Err(HostRefusal::TooManyLabels) } else { Ok(()) }
}

/// Only news is recorded: the worker says so at every look.
fn seen(profile: &HostProfile, measured: Measured) -> Vec<HostEvent> {
    let found = profile.lost.is_some().then_some(HostEvent::Found {});
    let news = (profile.measured.as_ref() != Some(&measured)).then_some(HostEvent::Measured { measured });
    found.into_iter().chain(news).collect()
}
