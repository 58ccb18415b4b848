//! `/api/tenant`: the tenant that one is signed in to.

pub(crate) mod dto;
pub(crate) mod get;
pub(crate) mod plan;
pub(crate) mod quota;
pub(crate) mod update;
