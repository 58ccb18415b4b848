//! The Docker worker's configuration, which `cli` fills.

use crate::egress::Places;
use clawplane_domain::values::ImageRef;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// The port that the forwarders listen on at the host's address of each bot's network, if nobody says otherwise.
pub const EGRESS_PORT: u16 = 18790;

/// How the worker does its work. [`DockerWorkerConfig::new`] has the usual times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerWorkerConfig {
    /// The image of bots that name none (`BOT_IMAGE`).
    pub default_image: ImageRef,
    /// Where the bots' folders are (`BOT_DATA_DIR`).
    pub data_dir: PathBuf,
    /// Where the bots' AI traffic goes: the proxy.
    pub proxy_addr: SocketAddr,
    /// The port under which a bot finds it on its own network.
    pub egress_port: u16,
    /// Which places on the web may be reached at all, by bots that have a list.
    pub web: Places,
    /// The containers' command, when not the image's own.
    pub command: Option<Vec<String>>,
    /// Longest time between two passes over all bots.
    pub reconcile_every: Duration,
    /// How long a container gets to become healthy.
    pub health_within: Duration,
    /// Time between two looks at a container that is not healthy yet.
    pub health_every: Duration,
    /// How long a running process gets to take a new token from its configuration before it is restarted for it.
    pub reload_within: Duration,
    /// How long a process gets to end by itself.
    pub stop_grace: Duration,
    /// Wait after a first failure; it doubles with each further one.
    pub retry_first: Duration,
    /// Longest such wait.
    pub retry_longest: Duration,
    /// Failures within [`Self::retry_window`] after which a bot is left alone.
    pub retries: usize,
    /// See [`Self::retries`].
    pub retry_window: Duration,
    /// Time between two tries to reach an engine that does not answer.
    pub engine_retry: Duration,
    /// Shortest time between two reports of a pull's progress.
    pub progress_every: Duration,
    /// Bots that are changed at the engine at the same time.
    pub concurrency: usize,
}

impl DockerWorkerConfig {
    /// The port under which a bot that has a list finds its way to the web: the one after the proxy's.
    pub fn web_port(&self) -> u16 {
        self.egress_port.saturating_add(1)
    }

    /// The usual times.
    pub fn new(default_image: ImageRef, data_dir: PathBuf, proxy_addr: SocketAddr) -> Self {
        Self {
            default_image,
            data_dir,
            proxy_addr,
            egress_port: EGRESS_PORT,
            web: Places::default(),
            command: None,
            reconcile_every: Duration::from_secs(30),
            health_within: Duration::from_mins(2),
            health_every: Duration::from_millis(100),
            reload_within: Duration::from_secs(15),
            stop_grace: Duration::from_secs(10),
            retry_first: Duration::from_secs(1),
            retry_longest: Duration::from_mins(1),
            retries: 5,
            retry_window: Duration::from_mins(10),
            engine_retry: Duration::from_secs(3),
            progress_every: Duration::from_secs(2),
            concurrency: 8,
        }
    }
}
