//! The composition of Clawplane and its command line: the library behind the binary `clawplane`.
//!
//! This is the only crate that reads the environment. `config` says what is asked for, `dev` brings the
//! private Postgres and NATS of `clawplane dev`.

pub mod config;
pub mod demo_vendor;
pub mod dev;
pub mod progress;
pub mod source;
