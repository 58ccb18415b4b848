//! `/api/backups`: bots' data as it was, and the rules by which it is kept.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod download;
pub(crate) mod dto;
pub(crate) mod events;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod restore;
pub(crate) mod schedule;
pub(crate) mod schedules;
pub(crate) mod verify;
