//! What the Docker worker needs of a container engine, as a trait.
//!
//! [`docker::DockerRuntime`] speaks to a real one, [`fake::FakeRuntime`] is one in memory for tests.

pub mod belongings;
pub mod docker;
pub mod fake;
pub mod observe;

use async_trait::async_trait;
use belongings::Belongings;
use clawplane_domain::{BotId, Secret, TenantId, bot::Limits, upkeep::LeftoverKind, values::ImageRef};
use futures::stream::BoxStream;
use serde::Serialize;
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// The port that OpenClaw's gateway listens on inside of its container.
pub use clawplane_domain::openclaw::platform::GATEWAY_PORT;

/// What went wrong at the engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// Nobody answers: nothing is known about any container.
    #[error("the container engine is not available: {reason}")]
    Unavailable {
        /// Why, for people.
        reason: String,
    },
    /// The image is not there and could not be pulled.
    #[error("image {image} could not be pulled ({reason})")]
    ImageMissing {
        /// The image.
        image: String,
        /// What the engine or the registry said.
        reason: String,
    },
    /// Something of that name is there already, or is being changed by somebody else.
    #[error("conflict: {message}")]
    Conflict {
        /// What the engine said.
        message: String,
    },
    /// Any other answer.
    #[error("{what}: {message}")]
    Other {
        /// What was asked for.
        what: &'static str,
        /// What the engine said.
        message: String,
    },
}

/// Which engine it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// Its name and version, for people.
    pub version: String,
}

/// How large an engine's machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineSize {
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// Cores, in thousandths.
    pub cpu_millis: u32,
}

/// How far a pull has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullProgress {
    /// Bytes that are here.
    pub current: u64,
    /// Bytes that are known to be needed; it grows while the layers become known.
    pub total: u64,
}

impl PullProgress {
    /// 0 to 100.
    pub fn percent(self) -> u64 {
        self.current.saturating_mul(100).checked_div(self.total).unwrap_or(0).min(100)
    }
}

/// A bot's own network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BotNetwork {
    /// The host's address on it.
    pub gateway: IpAddr,
    /// How many bits of that are the network's.
    pub prefix: u8,
}

impl BotNetwork {
    /// Whether an address is on it. Older engines give internal networks a default route, over which a bot reaches
    /// the host's address on another bot's network; what it sends there comes from its own.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.gateway, address) {
            (IpAddr::V4(gateway), IpAddr::V4(address)) => {
                let host_bits = u32::from(32_u8.saturating_sub(self.prefix));
                let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
                (gateway.to_bits() & mask) == (address.to_bits() & mask)
            }
            (gateway, address) => gateway == address,
        }
    }
}

/// What a container is doing, as far as the worker cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Made and never started.
    Created,
    /// A process runs.
    Running,
    /// Its processes are frozen: for a backup, or by somebody's hand.
    Paused,
    /// It ran and does not run any more.
    Exited,
}

/// A container of this installation, as the engine shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerSeen {
    /// The engine's id.
    pub id: String,
    /// The bot, from its label.
    pub bot: BotId,
    /// What it is doing.
    pub phase: Phase,
    /// How the process ended; [`Phase::Exited`] only, and only from `inspect`.
    pub exit_code: Option<i64>,
    /// The kernel ended it for want of memory.
    pub oom: bool,
    /// What the engine says of a start that failed.
    pub error: Option<String>,
    /// How often the engine restarted it.
    pub restarts: u32,
    /// Its address on its own network, while it runs.
    pub ip: Option<IpAddr>,
    /// The image that it was made from.
    pub image: String,
    /// The digest of the specification it was made from, from its label.
    pub spec_hash: String,
}

/// Everything that a bot's container is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContainerSpec {
    /// The bot; a label.
    pub bot: BotId,
    /// Whose it is; a label.
    pub tenant: TenantId,
    /// The container's name.
    pub name: String,
    /// What it is made from.
    pub image: ImageRef,
    /// The command, when not the image's own.
    pub command: Option<Vec<String>>,
    /// Environment, `NAME=value`. No secret belongs here: `docker inspect` shows it.
    pub env: Vec<String>,
    /// `uid:gid` of its process.
    pub user: String,
    /// Memory, CPU and processes.
    pub limits: Limits,
    /// The folder on the host that becomes `/home/node/.openclaw`, absolute.
    pub state_dir: PathBuf,
    /// Digest of all of this and of the files that go with it; a label.
    pub spec_hash: String,
}

/// A command that is run once, in a container of its own that has no network and may write to `/tmp` alone.
#[derive(Clone, Debug)]
pub struct Once {
    /// What for; a label.
    pub purpose: &'static str,
    /// What the container is made from.
    pub image: ImageRef,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Environment, `NAME=value`.
    pub env: Vec<String>,
    /// `uid:gid` of its process.
    pub user: String,
    /// A bot's folder on the host that it may read, at the bot's own place.
    pub state_dir: Option<PathBuf>,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// What it reads.
    pub input: Vec<u8>,
    /// After this it is ended.
    pub within: Duration,
}

/// Something happened to a container or an image of ours, by whoever's hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineEvent {
    /// A container of this bot changed.
    Container(BotId),
    /// An image came or went.
    Image,
}

/// A container engine. Everything is limited to the containers and networks of one installation.
///
/// Stopping what does not run and removing what is not there are successes: the worker only cares for the end.
#[async_trait]
pub trait Runtime: observe::Observe {
    /// Whether it answers, and what it is.
    async fn info(&self) -> Result<EngineInfo, RuntimeError>;

    /// How large its machine is; `None` where an engine spans several, or does not say.
    async fn size(&self) -> Result<Option<EngineSize>, RuntimeError> {
        Ok(None)
    }

    /// Whether an image is here.
    async fn has_image(&self, image: &ImageRef) -> Result<bool, RuntimeError>;

    /// Fetches an image, telling how far it has come.
    async fn pull_image(
        &self,
        image: &ImageRef,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Result<(), RuntimeError>;

    /// The bot's own internal network, made if need be. From it only `egress_port` of the host can be reached, as
    /// far as the engine's host lets us see to that.
    async fn ensure_network(
        &self,
        bot: BotId,
        tenant: TenantId,
        egress_port: u16,
    ) -> Result<BotNetwork, RuntimeError>;

    /// All containers of this installation, without exit codes.
    async fn list(&self) -> Result<Vec<ContainerSeen>, RuntimeError>;

    /// The container of a bot.
    async fn inspect(&self, bot: BotId) -> Result<Option<ContainerSeen>, RuntimeError>;

    /// Makes a container, and returns its id.
    async fn create(&self, spec: &ContainerSpec) -> Result<String, RuntimeError>;

    /// Starts a container.
    async fn start(&self, id: &str) -> Result<(), RuntimeError>;

    /// Asks a container's process to end, and ends it after `grace`.
    async fn stop(&self, id: &str, grace: Duration) -> Result<(), RuntimeError>;

    /// Freezes all processes of a container. One that is frozen already is a success.
    async fn pause(&self, id: &str) -> Result<(), RuntimeError>;

    /// Lets them go on. Nothing to let go on is a success.
    async fn unpause(&self, id: &str) -> Result<(), RuntimeError>;

    /// Removes a container, ending its process.
    async fn remove(&self, id: &str) -> Result<(), RuntimeError>;

    /// Removes the bot's network.
    async fn remove_network(&self, bot: BotId) -> Result<(), RuntimeError>;

    /// The last lines that a container wrote.
    async fn log_tail(&self, id: &str, lines: u32) -> Result<String, RuntimeError>;

    /// Whether the bot's gateway answers its health check there; else why not.
    async fn probe(&self, gateway: SocketAddr) -> Result<(), String>;

    /// Whether the bot's gateway there lets in who presents this token; `Err` when it does not answer.
    async fn takes_token(&self, gateway: SocketAddr, token: &Secret) -> Result<bool, String>;

    /// Everything at the engine that is this installation's, looked at closely.
    async fn belongings(&self) -> Result<Belongings, RuntimeError>;

    /// Removes a container, an unused network or an unused volume by the engine's id of it.
    async fn remove_leftover(&self, kind: LeftoverKind, id: &str) -> Result<(), RuntimeError>;
    /// Runs a command once, and returns what it printed, bounded. The container is gone afterwards.
    async fn run_once(&self, once: Once) -> Result<String, RuntimeError> {
        let _ = once;
        Err(RuntimeError::Other { what: "run a command", message: "this engine cannot".to_owned() })
    }

    /// What happens at the engine from now on. Ends when the engine goes away.
    fn events(&self) -> BoxStream<'static, Result<EngineEvent, RuntimeError>>;
}

/// The part of an id that names things at the engine: 48 of its random bits. (The first twelve digits of a UUIDv7
/// are its time, which two bots may share.)
pub fn short_id(bot: BotId) -> String {
    let digits = bot.0.simple().to_string();
    digits.get(20..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
