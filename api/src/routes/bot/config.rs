//! `/api/bot/{hostname}/config`: a bot's configuration and its versions.

pub(crate) mod adopt;
pub(crate) mod diff;
pub(crate) mod drift;
pub(crate) mod dto;
pub(crate) mod get;
pub(crate) mod restore;
pub(crate) mod set;
pub(crate) mod version;
pub(crate) mod versions;
