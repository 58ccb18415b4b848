//! `/api/bot/{hostname}/files`: the files of a bot's workspace.

pub(crate) mod dto;
pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod remove;
pub(crate) mod write;
