//! What every event carries beside its payload: whose, by whom, through which request, when.

use crate::{RequestId, TenantId, Timestamp, UserId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{collections::HashMap, fmt, str::FromStr};

/// Who caused an event. Written `user:<id>` or `system:<role>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A signed-in person.
    User(UserId),
    /// A part of the platform, by its role (`docker-worker`, `bootstrap`, ...).
    System(String),
}

impl Actor {
    /// A part of the platform.
    pub fn system(role: &str) -> Self {
        Self::System(role.to_owned())
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::System(role) => write!(f, "system:{role}"),
        }
    }
}

impl FromStr for Actor {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("user", id)) => id.parse().map(Self::User).map_err(|e| format!("actor {text:?}: {e}")),
            Some(("system", role)) if !role.is_empty() => Ok(Self::System(role.to_owned())),
            _ => Err(format!("actor {text:?} is neither `user:<id>` nor `system:<role>`")),
        }
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The envelope of an event, stored as its `metadata`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The tenant that the event belongs to; also a column of the events table.
    pub tenant_id: TenantId,
    /// Who caused it.
    pub actor: Actor,
    /// When the command was taken, by the injected clock; also a column of the events table.
    pub at: Timestamp,
    /// The request through which it came, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// What led to it: the position of another event, or a worker's pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<String>,
}

impl Metadata {
    /// As the string map that cqrs-es carries. Every value is a string, so nothing is lost.
    pub fn to_map(&self) -> HashMap<String, String> {
        let mut map = HashMap::from([
            ("tenantId".to_owned(), self.tenant_id.to_string()),
            ("actor".to_owned(), self.actor.to_string()),
            ("at".to_owned(), self.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)),
        ]);
        if let Some(id) = self.request_id {
            map.insert("requestId".to_owned(), id.to_string());
        }
        if let Some(causation) = &self.causation {
            map.insert("causation".to_owned(), causation.clone());
        }
        map
    }
}

#[cfg(test)]
mod tests;
