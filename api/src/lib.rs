//! The REST API of Clawplane: authenticate, authorise, call, answer. No SQL.
//!
//! A path is a file: `POST /api/bot` is `routes/bot/create.rs`. Who may call it stands in `routes/table.rs`, what it
//! does to events in the module with the thing's name (`bots`, `provider_keys`, `sessions`, `accounts`). Every error
//! becomes an RFC 9457 problem document in `problem`.

pub mod access;
pub mod accounts;
mod answer;
pub mod auth;
mod backups;
mod bot_configs;
mod bot_files;
pub mod bots;
pub mod deps;
mod diagnoses;
mod execs;
mod extract;
mod fields;
mod freshness;
mod hosts;
pub mod ingress;
mod machines;
mod openapi;
mod plans;
pub mod ports;
mod prices;
pub mod problem;
pub mod provider_keys;
mod quotas;
mod router;
mod routes;
pub mod sessions;
mod state;
mod surround;
pub mod system;

pub use backups::port::{Archive, BackupArchives};
pub use deps::{
    ApiDeps, DataPath, EngineGate, FieldError, HealthChecks, HostPorts, KeyVerifier, PartHealth, PartStatus,
    TokenConfig, VendorRules, Verification,
};
pub use ingress::{IngressDomain, Tunnels};
pub use openapi::openapi;
pub use router::router;
pub use state::ApiState;
