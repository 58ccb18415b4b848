//! A durable consumer of wake-ups: at least once, each event handled once, given up after some tries.

mod seen;

use crate::{
    docker_worker::BoxError,
    nats::{Backoff, Nats, NatsError},
    wake_up::{SUBJECTS, WakeUp},
};
use async_nats::jetstream::{
    AckKind, Message,
    consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull},
};
use async_trait::async_trait;
use clawplane_eventstore::{Checkpoints, DeadLetters, Position};
use futures::StreamExt;
use seen::Seen;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Longest time that one event may take.
const HANDLE: Duration = Duration::from_secs(20);
/// What the event under way gets when the platform stops.
const GRACE: Duration = Duration::from_secs(3);
/// After this JetStream gives an event that was not answered to somebody else.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// Messages that are asked for at a time, and for how long.
const BATCH: usize = 100;
const EXPIRES: Duration = Duration::from_secs(10);

/// What is done with an event.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Handles one event, for which there is one wake-up. May be called again after an error.
    async fn handle(&self, wake_up: &WakeUp) -> Result<(), BoxError>;

    /// The connection was made (again): wake-ups may have been lost.
    async fn reconnected(&self) {}
}

/// How often, and when, an event is tried again that could not be handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Tries before it is buried.
    pub tries: i64,
    /// Wait before the next try, by the number of tries that failed; the last one stands for more.
    pub waits: Vec<Duration>,
}

impl Default for Retry {
    fn default() -> Self {
        let waits = [500, 2_000, 10_000, 30_000].map(Duration::from_millis).to_vec();
        Self { tries: 5, waits }
    }
}

impl Retry {
    fn wait_after(&self, failed: i64) -> Option<Duration> {
        let failed = usize::try_from(failed).unwrap_or(1).clamp(1, self.waits.len().max(1));
        self.waits.get(failed - 1).copied()
    }
}

/// A consumer of wake-ups.
pub struct Consumer {
    /// Its durable name at JetStream, and in the dead letters.
    pub name: &'static str,
    /// The stream types it wants: one, or `*` for all.
    pub streams: &'static str,
    /// What it does.
    pub handler: Arc<dyn Handler>,
    /// Where from.
    pub nats: Nats,
    /// What happens to an event that cannot be handled.
    pub retry: Retry,
    /// Where an event goes that cannot be handled.
    pub dead_letters: DeadLetters,
    /// Where it notes how far it is (under its name), if it has to handle each event once even where JetStream forgets.
    pub checkpoints: Option<Checkpoints>,
}

impl Consumer {
    /// Runs until `shutdown`; the event under way is finished, bounded.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut seen = Seen::default();
        let mut backoff = Backoff::default();
        while !shutdown.is_cancelled() {
            let Err(error) = Box::pin(self.session(&mut seen, &mut backoff, &shutdown)).await else { return };
            let wait = backoff.next();
            tracing::warn!(consumer = self.name, %error, ?wait, "no wake-ups from NATS");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Until something fails (`Err`) or the platform stops (`Ok`).
    async fn session(
        &self,
        seen: &mut Seen,
        backoff: &mut Backoff,
        shutdown: &CancellationToken,
    ) -> Result<(), NatsError> {
        let Some(consumer) = unless(shutdown, Box::pin(self.open())).await else { return Ok(()) };
        let consumer = consumer?;
        if let Some(checkpoints) = &self.checkpoints {
            let floor = checkpoints.get(self.name).await.map_err(|error| NatsError::jetstream(&error))?;
            seen.raise_floor(floor);
        }
        self.handler.reconnected().await;
        loop {
            let asked = consumer.batch().max_messages(BATCH).expires(EXPIRES).messages();
            let Some(messages) = unless(shutdown, asked).await else { return Ok(()) };
            let mut messages = messages.map_err(|error| NatsError::jetstream(&error))?;
            backoff.reset();
            while let Some(Some(message)) = unless(shutdown, messages.next()).await {
                let message = message.map_err(|error| NatsError::JetStream(error.to_string()))?;
                tokio::select! {
                    done = self.take(&message, seen) => {
                        if let Some(position) = done? {
                            self.note(position).await;
                        }
                    }
                    // Not answered, so it comes again at the next start.
                    () = past(shutdown) => return Ok(()),
                }
            }
            if shutdown.is_cancelled() {
                return Ok(());
            }
        }
    }

    async fn open(&self) -> Result<PullConsumer, NatsError> {
        let config = pull::Config {
            durable_name: Some(self.name.to_owned()),
            filter_subject: format!("{SUBJECTS}.{}.*", self.streams),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            deliver_policy: DeliverPolicy::All,
            // The tries are counted here, so that the last one can bury.
            max_deliver: -1,
            max_ack_pending: 1000,
            ..pull::Config::default()
        };
        let stream = self.nats.stream().await?;
        stream.get_or_create_consumer(self.name, config).await.map_err(|error| NatsError::jetstream(&error))
    }

    /// Handles one message and answers it. The position, if its event is done with.
    async fn take(&self, message: &Message, seen: &mut Seen) -> Result<Option<Position>, NatsError> {
        let (answer, done) = self.answer(message, seen).await;
        message.ack_with(answer).await.map_err(|error| NatsError::JetStream(error.to_string()))?;
        Ok(done)
    }

    async fn answer(&self, message: &Message, seen: &mut Seen) -> (AckKind, Option<Position>) {
        let tries = message.info().map_or(1, |info| info.delivered);
        let wake_up: WakeUp = match serde_json::from_slice(&message.payload) {
            Ok(wake_up) => wake_up,
            Err(error) => {
                tracing::error!(consumer = self.name, subject = %message.subject, %error, "not a wake-up; dropped");
                return (AckKind::Term, None);
            }
        };
        if seen.contains(&wake_up, tries > 1) {
            return (AckKind::Ack, None);
        }
        let handled = tokio::time::timeout(HANDLE, self.handler.handle(&wake_up)).await;
        let error = match handled.unwrap_or_else(|_| Err(format!("took over {} s", HANDLE.as_secs()).into()))
        {
            Ok(()) => {
                seen.insert(&wake_up);
                return (AckKind::Ack, Some(wake_up.position));
            }
            Err(error) => error,
        };
        if tries >= self.retry.tries && self.bury(&wake_up, &error).await {
            seen.insert(&wake_up);
            return (AckKind::Term, Some(wake_up.position));
        }
        tracing::warn!(consumer = self.name, event = %wake_up.message_id(), tries, %error, "an event is tried again");
        (AckKind::Nak(self.retry.wait_after(tries)), None)
    }

    async fn bury(&self, wake_up: &WakeUp, error: &BoxError) -> bool {
        let event = (wake_up.stream_type.as_str(), wake_up.id.as_str(), wake_up.sequence);
        match self.dead_letters.bury(self.name, event, &error.to_string()).await {
            Ok(()) => {
                tracing::error!(consumer = self.name, event = %wake_up.message_id(), %error, "an event is given up");
                metrics::counter!("clawplane_dead_letters_total", "consumer" => self.name).increment(1);
                true
            }
            Err(error) => {
                tracing::warn!(consumer = self.name, %error, "an event cannot even be buried");
                false
            }
        }
    }

    async fn note(&self, position: Position) {
        let Some(checkpoints) = &self.checkpoints else { return };
        if let Err(error) = checkpoints.store(self.name, position).await {
            tracing::warn!(consumer = self.name, %error, "the checkpoint cannot be stored");
        }
    }
}

/// Some time after the platform began to stop.
async fn past(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// The result, unless the platform stops first.
async fn unless<T>(shutdown: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = shutdown.cancelled() => None,
    }
}
