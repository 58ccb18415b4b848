//! The way to NATS: one connection, its version checked, and the stream that the wake-ups go through.
//!
//! NATS may be down or forget everything at any time. Nothing here is needed for the platform to be right, only for
//! it to be quick across processes.

pub mod url;

use crate::wake_up::{STREAM, SUBJECTS};
use async_nats::{
    Client,
    jetstream::{
        self, Context, ErrorCode,
        context::GetStreamErrorKind,
        stream::{Config, DiscardPolicy, Stream},
    },
};
use clawplane_domain::Secret;
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// The oldest server that has what is used here (durable pull consumers by filtered create, duplicate window).
const OLDEST: (u32, u32) = (2, 9);
/// Longest wait for a connection or an answer.
const ANSWER: Duration = Duration::from_secs(5);
/// First and longest wait between two tries.
pub(crate) const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// How to reach NATS, and the bounds of the stream there.
#[derive(Clone)]
pub struct NatsConfig {
    /// `nats://[user:password@]host:port`, or several with commas between.
    pub url: Secret,
    /// Wake-ups older than this are forgotten.
    pub max_age: Duration,
    /// The oldest wake-ups are forgotten above this many bytes.
    pub max_bytes: i64,
}

impl NatsConfig {
    /// With the usual bounds: three days, 128 MiB.
    pub fn new(url: Secret) -> Self {
        Self { url, max_age: Duration::from_hours(72), max_bytes: 128 * 1024 * 1024 }
    }
}

impl std::fmt::Debug for NatsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsConfig").field("max_age", &self.max_age).finish_non_exhaustive()
    }
}

/// What can go wrong on the way.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NatsError {
    /// Nobody answers.
    #[error("NATS does not answer: {0}")]
    Unreachable(String),
    /// The server lacks what is needed.
    #[error("nats-server is {0}, but at least {major}.{minor} is needed", major = OLDEST.0, minor = OLDEST.1)]
    TooOld(String),
    /// JetStream is off, or refused.
    #[error("JetStream: {0}")]
    JetStream(String),
}

impl NatsError {
    pub(crate) fn jetstream(error: &dyn std::error::Error) -> Self {
        Self::JetStream(error.to_string())
    }
}

/// The connection, made when it is first needed. Clones share it.
#[derive(Clone, Debug)]
pub struct Nats {
    config: Arc<NatsConfig>,
    client: Arc<Mutex<Option<Client>>>,
}

impl Nats {
    /// Does not connect yet.
    pub fn new(config: NatsConfig) -> Self {
        Self { config: Arc::new(config), client: Arc::default() }
    }

    /// The client; afterwards it keeps itself connected. For health checks and other uses of NATS.
    pub async fn client(&self) -> Result<Client, NatsError> {
        let mut slot = self.client.lock().await;
        if let Some(client) = &*slot {
            check(client)?;
            return Ok(client.clone());
        }
        let (servers, options) = url::connection(&self.config.url)
            .map_err(|fault| NatsError::Unreachable(format!("NATS_URL {fault}")))?;
        let options = options.name("clawplane").connection_timeout(ANSWER).request_timeout(Some(ANSWER));
        let connecting = tokio::time::timeout(ANSWER, options.connect(servers)).await;
        let client = connecting
            .map_err(|_| NatsError::Unreachable(format!("no connection within {} s", ANSWER.as_secs())))?
            .map_err(|error| NatsError::Unreachable(error.to_string()))?;
        check(&client)?;
        Ok(slot.insert(client).clone())
    }

    /// JetStream.
    pub(crate) async fn jetstream(&self) -> Result<Context, NatsError> {
        let mut context = jetstream::new(self.client().await?);
        context.set_timeout(ANSWER);
        Ok(context)
    }

    /// The stream, made if need be: JetStream may have lost it.
    pub(crate) async fn stream(&self) -> Result<Stream, NatsError> {
        let context = self.jetstream().await?;
        match context.get_stream(STREAM).await {
            Ok(stream) => return Ok(stream),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(answer)
                    if answer.error_code() == ErrorCode::STREAM_NOT_FOUND => {}
                _ => return Err(NatsError::jetstream(&error)),
            },
        }
        tracing::debug!(stream = STREAM, "making the stream of wake-ups");
        let config = Config {
            name: STREAM.to_owned(),
            description: Some("Wake-ups of Clawplane; Postgres is the truth".to_owned()),
            subjects: vec![format!("{SUBJECTS}.>")],
            max_age: self.config.max_age,
            max_bytes: self.config.max_bytes,
            discard: DiscardPolicy::Old,
            duplicate_window: Duration::from_mins(2),
            ..Config::default()
        };
        context.get_or_create_stream(config).await.map_err(|error| NatsError::jetstream(&error))
    }
}

/// `2.9.10` and `2.11.0-RC.1` are versions.
fn check(client: &Client) -> Result<(), NatsError> {
    let version = client.server_info().version;
    // Not connected at this moment: the server is not known, the next answer will tell.
    if version.is_empty() || is_new_enough(&version) { Ok(()) } else { Err(NatsError::TooOld(version)) }
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map(|part| part.parse::<u32>().ok());
    matches!((numbers.next(), numbers.next()), (Some(Some(major)), Some(Some(minor))) if (major, minor) >= OLDEST)
}

/// Waits that double up to a bound.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(BACKOFF.0)
    }
}

impl Backoff {
    pub(crate) fn reset(&mut self) {
        self.0 = BACKOFF.0;
    }

    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(BACKOFF.1);
        wait
    }
}

#[cfg(test)]
mod tests;
