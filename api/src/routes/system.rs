//! `/api/system`: the installation, for its administrators.

pub(crate) mod doctor;
pub(crate) mod status;
