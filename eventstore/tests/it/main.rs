//! The event store against a real Postgres: one binary, one module a topic.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[path = "../support/mod.rs"]
mod support;

mod guard;
