//! What a container uses, as a client sees it.

use crate::ports::machines::Figures;
use serde::Serialize;
use utoipa::ToSchema;

/// What a bot's container uses at a moment. Bytes that came and went are counted from its start.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ContainerStats)]
pub(crate) struct FiguresDto {
    /// Of one core, over the last second: 150 is one core and a half.
    #[schema(example = 12.5)]
    cpu_percent: f64,
    /// Memory in use.
    #[schema(example = 734_003_200)]
    memory_bytes: u64,
    /// Most that it may have.
    memory_limit_bytes: u64,
    /// Received over its network.
    received_bytes: u64,
    /// Sent.
    sent_bytes: u64,
    /// Read from disks.
    read_bytes: u64,
    /// Written to disks.
    written_bytes: u64,
    /// In its writable layer; counted once a minute.
    layer_bytes: Option<u64>,
    /// In the bot's folder; counted once a minute.
    folder_bytes: Option<u64>,
    /// There is more in the folder than was counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    folder_is_more: bool,
    /// Processes and threads.
    #[schema(example = 23)]
    pids: u64,
}

impl From<Figures> for FiguresDto {
    fn from(figures: Figures) -> Self {
        Self {
            cpu_percent: (figures.cpu_percent * 100.0).round() / 100.0,
            memory_bytes: figures.memory_bytes,
            memory_limit_bytes: figures.memory_limit_bytes,
            received_bytes: figures.received_bytes,
            sent_bytes: figures.sent_bytes,
            read_bytes: figures.read_bytes,
            written_bytes: figures.written_bytes,
            layer_bytes: figures.layer_bytes,
            folder_bytes: figures.folder_bytes,
            folder_is_more: figures.folder_is_more,
            pids: figures.pids,
        }
    }
}
