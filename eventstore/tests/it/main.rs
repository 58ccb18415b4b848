//! The event store against a real Postgres: one binary, one module a topic.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]
#![allow(unreachable_pub, reason = "nothing reaches into a test binary")]

#[path = "../support/mod.rs"]
mod support;

mod given;

mod append_order;
mod checkpoints;
mod claims;
mod dropped_callers;
mod feed;
mod guard;
mod host_leases;
mod idempotency;
mod long_transaction;
mod no_global_lock;
mod replay;
mod restored_dump;
mod slow_writer;
mod stock_repository;
mod usage;
mod vault;
mod writers;
