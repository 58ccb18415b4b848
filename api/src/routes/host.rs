//! `/api/hosts`: the machines that bots are placed on. For administrators of the installation.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod drain;
pub(crate) mod dto;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod resume;
