//! What goes over NATS: that something happened, not what. Whoever is woken looks into Postgres.

use clawplane_domain::{TenantId, Timestamp};
use clawplane_eventstore::{Position, RecordedEvent};
use serde::{Deserialize, Serialize};

/// The JetStream stream.
pub const STREAM: &str = "CLAWPLANE";
/// What its subjects begin with; stream type and stream id follow.
pub const SUBJECTS: &str = "clawplane.events";

/// One event's wake-up. It carries no payload and so no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WakeUp {
    /// Where the event stands in the feed.
    pub position: Position,
    /// Its stream's type.
    #[serde(rename = "type")]
    pub stream_type: String,
    /// Its stream's id.
    pub id: String,
    /// Its number in its stream.
    pub sequence: u64,
    /// Its name.
    pub event_type: String,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// When it happened.
    pub at: Timestamp,
}

impl From<&RecordedEvent> for WakeUp {
    fn from(event: &RecordedEvent) -> Self {
        Self {
            position: event.position,
            stream_type: event.aggregate_type.clone(),
            id: event.aggregate_id.clone(),
            sequence: event.sequence,
            event_type: event.event_type.clone(),
            tenant_id: event.tenant_id,
            at: event.metadata.at,
        }
    }
}

impl WakeUp {
    /// Its subject: `clawplane.events.<type>.<id>`.
    pub fn subject(&self) -> String {
        format!("{SUBJECTS}.{}.{}", self.stream_type, self.id)
    }

    /// What JetStream and the consumers know it again by: `type:id:sequence`.
    pub fn message_id(&self) -> String {
        format!("{}:{}:{}", self.stream_type, self.id, self.sequence)
    }
}
