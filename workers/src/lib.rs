//! The platform's hands: what reads the feed and acts on the world outside.
//!
//! [`Relay`] carries the feed to NATS as wake-ups, [`DockerWorker`] makes containers what the read model wants them
//! to be, [`NotificationWorker`] tells people. Only this crate knows the container engine.

pub mod backup;
pub mod config_check;
pub mod consumer;
pub mod docker_worker;
pub mod doctor;
pub mod egress;
pub mod forward;
pub mod hosts;
pub mod leftovers;
pub mod nats;
pub mod notification;
pub mod relay;
pub mod renewal;
pub mod runtime;
pub mod wake_up;
pub mod watch;
pub mod workspace;

pub use docker_worker::{
    BotReports, BoxError, DesiredBot, DesiredBots, DockerWorker, DockerWorkerConfig, DockerWorkerParts,
    EngineStatus, ExecutorReports, GatewayTokens, VaultTokens,
};
pub use hosts::{
    DockerEngines, Engines, Holder, Host, HostCatalog, Hosts, HostsWorker, HostsWorkerConfig,
    HostsWorkerParts, ManyHosts, OneHost,
};
pub use nats::{Nats, NatsConfig};
pub use notification::NotificationWorker;
pub use relay::Relay;
pub use renewal::TokenRenewal;
pub use runtime::{Runtime, RuntimeError, docker::DockerRuntime, fake::FakeRuntime};
pub use watch::{WatchError, Watcher};
