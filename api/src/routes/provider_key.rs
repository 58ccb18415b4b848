//! `/api/provider-key`: the vendors' keys, which nobody ever sees again.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod disable;
pub(crate) mod dto;
pub(crate) mod enable;
pub(crate) mod get;
pub(crate) mod health;
pub(crate) mod list;
pub(crate) mod rotate;
pub(crate) mod state;
pub(crate) mod verify;
