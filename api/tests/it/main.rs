//! The API over a real database, with the projections running.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has to fail")]

#[path = "../../../eventstore/tests/support/mod.rs"]
mod support;

mod access;
mod app;
mod audit;
mod bot_configs;
mod bot_files;
mod bots;
mod fallbacks;
mod freshness;
mod idempotency;
mod key_changes;
mod prices;
mod provider_keys;
mod quotas;
mod sessions;
mod space;
mod surround;
mod tenants;
mod tokens;
mod usage;
#[test]
fn zz_dump() {
    std::fs::write("/tmp/w/space-t/openapi.json", clawplane_api::openapi().to_pretty_json().unwrap() + "\n")
        .unwrap();
}
