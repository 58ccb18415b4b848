//! Tests of the workers with real parts: Postgres, NATS, and Docker where there is one.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has to fail")]

#[path = "../../../eventstore/tests/support/mod.rs"]
mod support;

mod backups;
mod backups_s3;
mod configs;
mod consumers;
mod crashes;
mod desk;
mod docker;
mod docker_image;
mod engines;
mod hosts;
mod leftovers;
mod life;
mod lifecycle;
mod nats_server;
mod relay;
mod second_engine;
mod tokens;
mod upgrades;
mod watching;
mod web;
