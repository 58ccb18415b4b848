//! The data path of Clawplane: authenticate, choose, forward, stream, meter, spool.
//!
//! A bot's request comes in with a gateway token and leaves with a vendor's key; what it used is in the spool
//! before its answer has ended. Nothing on that way asks the database: tokens, keys and quotas are followed from the
//! feed into memory, usage goes out through the spool.

mod access;
mod allow;
mod body;
mod choose;
pub mod config;
mod connect;
mod credentials;
mod directory;
mod error;
mod flight;
mod forward;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod headers;
mod health;
mod intake;
mod key_reports;
mod key_states;
pub mod listen;
mod meter;
pub mod observe;
pub mod ports;
mod price;
mod quota;
mod refusal;
mod request;
mod scalars;
mod server;
mod service;
mod spool;
mod strip;
mod telemetry;
#[cfg(test)]
mod testing;
mod uploader;
mod upstream_body;
mod vendor_body;
pub mod vendors;
mod verdict;
pub mod verify;

pub use allow::UpstreamAllow;
pub use body::ProxyBody;
pub use config::{Cooldowns, ExtraRoots, NoRoots, ProxyConfig, SpoolDurability, Timeouts};
pub use error::StartError;
pub use service::{Deps, Proxy};
pub use verify::{Verification, Verifier};
