//! The API over a real database, with the projections running.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has to fail")]

#[path = "../../../eventstore/tests/support/mod.rs"]
mod support;

mod access;
mod app;
mod audit;
mod backups;
mod bot_configs;
mod bot_files;
mod bots;
mod egress;
mod fallbacks;
mod freshness;
mod hosts;
mod idempotency;
mod ingress;
mod key_changes;
mod life;
mod machine;
mod plans;
mod prices;
mod provider_keys;
mod quotas;
mod sessions;
mod space;
mod surround;
mod system;
mod tenants;
mod tokens;
mod usage;
mod watching;
