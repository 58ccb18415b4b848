//! `/api/provider-key`: the vendors' keys, which nobody ever sees again.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod dto;
pub(crate) mod get;
pub(crate) mod health;
pub(crate) mod list;
