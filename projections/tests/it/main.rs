//! The read models against a real Postgres: each test has a database of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[path = "../../../eventstore/tests/support/mod.rs"]
mod support;

mod audit;
mod bots;
mod keys;
mod paging;
mod poison;
mod prices;
mod rebuild;
mod restart;
mod runner;
mod tenants;
mod usage;
mod world;
