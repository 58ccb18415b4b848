//! `/api/price`: what models cost, as administrators say it. It counts for the whole platform, before the price list.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod dto;
pub(crate) mod get;
pub(crate) mod list;
mod rates;
pub(crate) mod set;
