//! The machines that bots are on, as the API needs them: what is to be seen there, what may be done, the way to a gateway.

use async_trait::async_trait;
use axum::body::Bytes;
use clawplane_domain::{
    BotId, Secret, Timestamp,
    bot::{Desired, Limits},
    redact::Redactor,
};
use futures::stream::BoxStream;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// Why something cannot be had of a bot's machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// There is no container.
    #[error("the bot has no container")]
    NoContainer,
    /// Its process does not run.
    #[error("the bot does not run")]
    NotRunning,
    /// Too many do the same at the moment.
    #[error("too many are doing this at the moment")]
    Busy,
    /// Nobody answers; the text is for people.
    #[error("{0}")]
    Unavailable(String),
}

/// Which part of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogAsk {
    /// The last so many lines; all when absent.
    pub tail: Option<u32>,
    /// Nothing from before this.
    pub since: Option<Timestamp>,
    /// And what comes.
    pub follow: bool,
}

/// A line of a container's output, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: Option<Timestamp>,
    /// From its standard error and not its standard output.
    pub stderr: bool,
    /// The line.
    pub text: String,
    /// It was longer than this.
    pub cut: bool,
}

/// What a container uses at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Of one core: 150 is one core and a half.
    pub cpu_percent: f64,
    /// Memory in use, in bytes.
    pub memory_bytes: u64,
    /// Most that it may have.
    pub memory_limit_bytes: u64,
    /// Bytes received since its start.
    pub received_bytes: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Bytes read from disks.
    pub read_bytes: u64,
    /// Bytes written to disks.
    pub written_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
    /// Bytes in its own layer; `None` until somebody has counted.
    pub layer_bytes: Option<u64>,
    /// Bytes in the bot's folder.
    pub folder_bytes: Option<u64>,
    /// There is more in the folder than was counted.
    pub folder_is_more: bool,
}

/// A command to run in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecAsk {
    /// Program and arguments.
    pub command: Vec<String>,
    /// What it can read.
    pub stdin: Bytes,
    /// After this it is ended.
    pub timeout: Duration,
    /// Most bytes that are kept of each output.
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

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// It may work, and may not for long.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Stable.
    pub name: &'static str,
    /// How it went.
    pub status: CheckStatus,
    /// What was seen, for people.
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// What a bot should be, for its machine to compare.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Whether it should run.
    pub desired: Desired,
    /// Its limits.
    pub limits: Limits,
    /// Its gateway token.
    pub token: Option<Secret>,
    /// The vendors of its models.
    pub vendors: Vec<String>,
}

/// Both ways of a connection to a bot's gateway.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + ?Sized> Connection for T {}

/// The machines. Everything is bounded; what streams ends when it is dropped.
#[async_trait]
pub trait Machines: Send + Sync + 'static {
    /// The lines of a bot's log.
    async fn logs(
        &self,
        bot: BotId,
        ask: LogAsk,
        redactor: Redactor,
    ) -> Result<BoxStream<'static, Result<LogLine, MachineError>>, MachineError>;

    /// What a bot's container uses, about once a second from now on. Ends with its process.
    async fn figures(&self, bot: BotId) -> Result<BoxStream<'static, Figures>, MachineError>;

    /// Runs a command in a bot's container, as its own user.
    async fn exec(&self, bot: BotId, ask: ExecAsk) -> Result<ExecEnd, MachineError>;

    /// Looks at container, network and configuration of a bot.
    async fn diagnose(&self, bot: BotId, wanted: Wanted) -> Vec<Check>;

    /// A connection to the bot's gateway.
    async fn dial(&self, bot: BotId) -> Result<Box<dyn Connection>, MachineError>;
}
