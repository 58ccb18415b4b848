//! The relay: one more reader of the feed, which tells JetStream what happened.
//!
//! Its checkpoint moves after JetStream's acknowledgement, so a wake-up may go out twice and never not at all. (Where
//! JetStream forgets, the relay goes back to what the notification worker had seen and tells it again.)

use crate::{
    nats::{Backoff, Nats, NatsError},
    notification,
    wake_up::WakeUp,
};
use async_nats::jetstream::{Context, message::PublishMessage};
use clawplane_eventstore::{
    COMMAND_STREAMS, Checkpoints, Feed, Position, RecordedEvent, StoreError, Wakeup, feed::Filter,
};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The name of its checkpoint.
pub const CHECKPOINT: &str = "relay";
/// Which events are told. Usage is not: there is too much of it, and nobody waits for it.
pub const FILTER: Filter = Filter::Types(COMMAND_STREAMS);
/// Events that are told at a time.
const BATCH: u32 = 256;
/// Longest time between two looks at the feed, for other processes' events.
const POLL: Duration = Duration::from_secs(1);
/// Shortest time between two looks: the bell also rings for every batch of usage.
const GAP: Duration = Duration::from_millis(10);
/// Time between two looks whether the stream is still there.
const STREAM_EVERY: Duration = Duration::from_secs(30);

/// What the relay works with.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Where it tells.
    pub nats: Nats,
    /// What it tells.
    pub feed: Feed,
    /// How far it is.
    pub checkpoints: Checkpoints,
    /// Rung by this process's own commits.
    pub wakeup: Wakeup,
}

#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Nats(#[from] NatsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stream is not the one it was: it has to be looked at.
    #[error("JetStream lost the stream")]
    StreamLost,
}

impl Relay {
    /// Starts it; it ends within 5 s of `shutdown`.
    pub fn start(self, shutdown: &CancellationToken, tracker: &TaskTracker) {
        let shutdown = shutdown.clone();
        tracker.spawn(async move {
            tokio::select! {
                () = self.run() => {}
                // Cutting it anywhere is safe: what was told and not noted is told again.
                () = shutdown.cancelled() => {}
            }
        });
    }

    async fn run(self) {
        let mut backoff = Backoff::default();
        loop {
            let started = Instant::now();
            let Err(error) = self.session().await;
            if started.elapsed() > STREAM_EVERY {
                backoff.reset();
            }
            let wait = backoff.next();
            tracing::warn!(%error, ?wait, "the relay cannot tell NATS; workers look by themselves meanwhile");
            tokio::time::sleep(wait).await;
        }
    }

    /// Tells everything, until something fails.
    async fn session(&self) -> Result<std::convert::Infallible, RelayError> {
        let mut bell = self.wakeup.listen();
        let mut session = Session::begin(self).await?;
        loop {
            let exhausted = session.step().await?;
            if session.checked.elapsed() > STREAM_EVERY {
                session.check().await?;
            }
            if exhausted {
                bell.wait(POLL).await;
                tokio::time::sleep(GAP).await;
            }
        }
    }
}

/// The relay while it is connected.
struct Session<'a> {
    relay: &'a Relay,
    jetstream: Context,
    position: Position,
    /// The stream's number of the last wake-up. It only grows, unless the stream is a new one.
    last: u64,
    checked: Instant,
}

impl<'a> Session<'a> {
    async fn begin(relay: &'a Relay) -> Result<Self, RelayError> {
        let jetstream = relay.nats.jetstream().await?;
        let stream = relay.nats.stream().await?;
        let last = stream.cached_info().state.last_sequence;
        let mut position = relay.checkpoints.get(CHECKPOINT).await?;
        if last == 0 && position > Position::START {
            position = rewound(relay, position).await?;
        }
        Ok(Self { relay, jetstream, position, last, checked: Instant::now() })
    }

    /// Tells one batch. Whether there was no more.
    async fn step(&mut self) -> Result<bool, RelayError> {
        let batch = self.relay.feed.read(self.position, FILTER, BATCH).await?;
        let Some(last) = batch.last() else { return Ok(true) };
        self.tell(&batch.events).await?;
        self.relay.checkpoints.store(CHECKPOINT, last).await?;
        self.position = last;
        Ok(batch.exhausted)
    }

    /// Sends all, then waits for all acknowledgements.
    async fn tell(&mut self, events: &[RecordedEvent]) -> Result<(), RelayError> {
        let mut acks = Vec::with_capacity(events.len());
        for event in events {
            let wake_up = WakeUp::from(event);
            let payload = serde_json::to_vec(&wake_up).map_err(|error| NatsError::jetstream(&error))?;
            let message = PublishMessage::build().payload(payload.into()).message_id(wake_up.message_id());
            let ack = self.jetstream.send_publish(wake_up.subject(), message).await;
            acks.push(ack.map_err(|error| NatsError::jetstream(&error))?);
        }
        for ack in acks {
            let ack = ack.await.map_err(|error| NatsError::jetstream(&error))?;
            if ack.duplicate {
                continue;
            }
            if ack.sequence <= self.last {
                return Err(RelayError::StreamLost);
            }
            self.last = ack.sequence;
        }
        metrics::counter!("clawplane_relay_events_total").increment(events.len() as u64);
        Ok(())
    }

    /// Whether the stream is still the one that was written to.
    async fn check(&mut self) -> Result<(), RelayError> {
        self.checked = Instant::now();
        let stream = self.relay.nats.stream().await?;
        if stream.cached_info().state.last_sequence < self.last {
            Err(RelayError::StreamLost)
        } else {
            Ok(())
        }
    }
}

/// Where to begin again in an empty stream: after the last event that the notification worker saw.
async fn rewound(relay: &Relay, position: Position) -> Result<Position, StoreError> {
    let seen = relay.checkpoints.get(notification::CHECKPOINT).await?;
    if seen == Position::START || seen >= position {
        return Ok(position);
    }
    tracing::warn!(%position, to = %seen, "JetStream forgot what it was told; telling it again");
    Ok(seen)
}
