//! Whether the container engine answers, for the API's 503 and for the worker itself.

use crate::runtime::RuntimeError;
use tokio::sync::watch;

/// Whether the engine answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineStatus {
    /// Nobody has asked it yet.
    Unknown,
    /// It does.
    Available {
        /// Its name and version.
        version: String,
    },
    /// It does not: no bot can be started.
    Unavailable {
        /// Why, for people.
        reason: String,
    },
}

/// The engine's status, changed by whoever learns of it first.
#[derive(Debug)]
pub(super) struct EngineWatch(watch::Sender<EngineStatus>);

impl Default for EngineWatch {
    fn default() -> Self {
        Self(watch::Sender::new(EngineStatus::Unknown))
    }
}

impl EngineWatch {
    pub(super) fn subscribe(&self) -> watch::Receiver<EngineStatus> {
        self.0.subscribe()
    }

    pub(super) fn set(&self, status: EngineStatus) {
        self.0.send_if_modified(|present| {
            if *present == status {
                return false;
            }
            match &status {
                EngineStatus::Available { version } => {
                    tracing::info!(%version, "the container engine answers");
                }
                EngineStatus::Unavailable { reason } => {
                    tracing::warn!(%reason, "the container engine is not available; bots cannot be started");
                }
                EngineStatus::Unknown => {}
            }
            *present = status;
            true
        });
    }

    /// Notes an error that says that the engine is gone.
    pub(super) fn note(&self, error: &RuntimeError) {
        if let RuntimeError::Unavailable { reason } = error {
            self.set(EngineStatus::Unavailable { reason: reason.clone() });
        }
    }

    pub(super) fn is_available(&self) -> bool {
        matches!(*self.0.borrow(), EngineStatus::Available { .. })
    }
}
