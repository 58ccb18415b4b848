//! `/api/bot/admin`: what belongs to no bot, for administrators of the installation.

pub(crate) mod cleanup;
pub(crate) mod orphans;
