//! The API over a real database, with the projections running.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has to fail")]

#[path = "../../../eventstore/tests/support/mod.rs"]
mod support;

mod access;
mod app;
mod audit;
mod backups;
mod bots;
mod fallbacks;
mod freshness;
mod idempotency;
mod key_changes;
mod prices;
mod provider_keys;
mod quotas;
mod sessions;
mod surround;
mod tenants;
mod tokens;
mod usage;
