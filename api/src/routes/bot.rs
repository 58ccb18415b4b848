//! `/api/bot`: bots, their quotas and their usage.

pub(crate) mod access;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod dto;
pub(crate) mod fallbacks;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod new;
pub(crate) mod quota;
pub(crate) mod relocate;
pub(crate) mod start;
pub(crate) mod stats;
pub(crate) mod stop;
pub(crate) mod token_revoke;
pub(crate) mod token_rotate;
pub(crate) mod usage;
pub(crate) mod usage_breakdown;
pub(crate) mod usage_logs;
pub(crate) mod usage_stats;
pub(crate) mod usage_trend;
