//! What `clawplane dev` needs besides the platform itself: a data directory with its lock and its secrets,
//! a private Postgres, a private NATS, and a place for the demo vendor.
//!
//! The order of a start: [`DataDir::open`], [`Lock::take`], [`PlatformSecrets::load`], [`Postgres::start`],
//! [`Nats::start`]; of a stop: the other way round.

mod account;
mod child;
mod data_dir;
mod demo;
mod error;
mod files;
mod home;
mod leftover;
mod lock;
mod nats;
mod ports;
mod postgres;
mod programs;
mod secrets;

pub use data_dir::DataDir;
pub use demo::start_demo;
pub use error::DevError;
pub use lock::Lock;
pub use nats::Nats;
pub use postgres::Postgres;
pub use secrets::PlatformSecrets;
