//! The composition of Clawplane and its command line: the library behind the binary `clawplane`.
//!
//! This is the only crate that reads the environment. `commands` has a file a command, `config` says what is asked for,
//! `platform` starts and stops the roles, `dev` brings the private Postgres and NATS of `clawplane dev`.

mod bootstrap;
pub mod commands;
pub mod config;
pub mod demo_vendor;
pub mod dev;
pub mod platform;
pub mod progress;
pub mod runtimes;
mod shutdown;
pub mod source;
mod telemetry;
