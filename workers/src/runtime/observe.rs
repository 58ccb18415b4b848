//! What people want to see of a container, and do in it, beside what the worker needs: logs, figures, commands, its ports.

use super::RuntimeError;
use async_trait::async_trait;
use bytes::Bytes;
use clawplane_domain::{BotId, Timestamp};
use futures::stream::BoxStream;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// Longest wait for a bot's port to accept.
const CONNECT: Duration = Duration::from_secs(5);

/// Which part of a container's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogAsk {
    /// The last so many lines; all that the engine keeps when absent.
    pub tail: Option<u32>,
    /// Nothing from before this.
    pub since: Option<Timestamp>,
    /// And what comes, until the container ends.
    pub follow: bool,
}

/// A piece of a container's output, as it was written: a line, or a part of a long one. It begins with the time at which
/// the engine read it (RFC 3339) and a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// From its standard error and not its standard output.
    pub stderr: bool,
    /// The bytes.
    pub bytes: Bytes,
}

/// A container's counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// CPU time that it used since its start, in nanoseconds.
    pub cpu_nanos: u64,
    /// CPU time of the whole machine since its start, all cores together, in nanoseconds.
    pub machine_nanos: u64,
    /// The machine's cores.
    pub cores: u32,
    /// Memory that it could not give back at once, in bytes.
    pub memory_bytes: u64,
    /// Most that it may have.
    pub memory_limit_bytes: u64,
    /// Bytes that it received since its start.
    pub received_bytes: u64,
    /// Bytes that it sent.
    pub sent_bytes: u64,
    /// Bytes that it read from disks.
    pub read_bytes: u64,
    /// Bytes that it wrote to disks.
    pub written_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
}

/// A command to run in a container, as its own user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecAsk {
    /// Program and arguments; no shell reads them.
    pub command: Vec<String>,
    /// What it can read.
    pub stdin: Bytes,
    /// After this it is ended.
    pub timeout: Duration,
    /// Most bytes that are kept of each of its two outputs.
    pub most_output: usize,
}

/// How a command went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecEnd {
    /// What it ended with; `None` where nobody knows.
    pub exit_code: Option<i64>,
    /// Its standard output, or the beginning of it.
    pub stdout: Vec<u8>,
    /// Its standard error, or the beginning of it.
    pub stderr: Vec<u8>,
    /// Bytes that it printed, kept or not.
    pub output_bytes: u64,
    /// Not all of that was kept.
    pub truncated: bool,
    /// It was ended because its time was over.
    pub timed_out: bool,
}

/// A bot's network as the engine shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkSeen {
    /// It leads nowhere but to the host.
    pub internal: bool,
    /// The host's address on it.
    pub gateway: Option<IpAddr>,
}

/// What the engine holds a container to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitsSeen {
    /// Bytes of memory; 0 is no limit.
    pub memory_bytes: i64,
    /// Billionths of a core; 0 is no limit.
    pub nano_cpus: i64,
    /// Processes; 0 or less is no limit.
    pub pids: i64,
}

/// Both ways of a connection.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// The part of a container engine that people look through.
#[async_trait]
pub trait Observe: Send + Sync + 'static {
    /// A container's log. Ends when there is nothing more to come.
    fn logs(&self, id: &str, ask: LogAsk) -> BoxStream<'static, Result<LogChunk, RuntimeError>>;

    /// A container's counters, about once a second. Ends with its process.
    fn counters(&self, id: &str) -> BoxStream<'static, Result<Counters, RuntimeError>>;

    /// Bytes that a container wrote to its own layer; takes the engine a while.
    async fn layer_bytes(&self, id: &str) -> Result<u64, RuntimeError>;

    /// Runs a command in a container and waits for its end, or ends it when its time is over.
    async fn exec(&self, id: &str, ask: ExecAsk) -> Result<ExecEnd, RuntimeError>;

    /// A bot's network, if there is one.
    async fn network_of(&self, bot: BotId) -> Result<Option<NetworkSeen>, RuntimeError>;

    /// What a container is held to.
    async fn limits_of(&self, id: &str) -> Result<LimitsSeen, RuntimeError>;

    /// A connection to an address on a bot's network.
    async fn dial(&self, address: SocketAddr) -> io::Result<Box<dyn Io>> {
        let connected = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
        let stream = connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}
