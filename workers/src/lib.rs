//! The platform's hands: what reads the feed and acts on the world outside.
//!
//! [`Relay`] carries the feed to NATS as wake-ups, [`DockerWorker`] makes containers what the read model wants them
//! to be, [`NotificationWorker`] tells people. Only this crate knows the container engine.

pub mod backup;
pub mod consumer;
pub mod docker_worker;
pub mod forward;
pub mod hosts;
pub mod nats;
pub mod notification;
pub mod relay;
pub mod renewal;
pub mod runtime;
pub mod wake_up;
pub mod workspace;

pub use docker_worker::{
    BotReports, BoxError, DesiredBot, DesiredBots, DockerWorker, DockerWorkerConfig, DockerWorkerParts,
    EngineStatus, ExecutorReports, GatewayTokens, VaultTokens,
};
pub use hosts::{Host, Hosts, OneHost};
pub use nats::{Nats, NatsConfig};
pub use notification::NotificationWorker;
pub use relay::Relay;
pub use renewal::TokenRenewal;
pub use runtime::{Runtime, RuntimeError, docker::DockerRuntime, fake::FakeRuntime};
