//! One projection that follows the feed.

use super::gauges::Gauges;
use crate::{
    admin,
    batch::{self, Applied, BatchError},
    schema::{Place, Ready},
    views::View,
};
use clawplane_eventstore::{Checkpoints, Feed, Listener, Position, Precedence, RecordedEvent, StoreError};
use sqlx::PgPool;
use std::{convert::Infallible, time::Duration};
use tokio::time::Instant;

/// Events of one transaction: as a rule, and while it is far behind and nobody waits for the single batch.
const BATCH: (u32, u32) = (1000, 5000);
/// Pauses between two looks at the feed: the first after something came, and the longest.
const POLL: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));
/// Pauses after a failure: the first, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How often lag is measured and an idle checkpoint is moved, at most; and the most of its time that this may take.
const CARE: Duration = Duration::from_secs(5);
const CARE_SHARE: u32 = 50;

/// One projection, and how far this process knows it has come.
pub(super) struct Follower {
    pool: PgPool,
    feed: Feed,
    place: Place,
    /// The checkpoint as last seen.
    checkpoint: Position,
    /// The last look did not show the end of the feed.
    behind: bool,
    gauges: Gauges,
    care_at: Instant,
    precedence: Precedence,
    /// How long it has given way since it last was at the end of the feed.
    late: Duration,
}

/// What one look at the feed led to.
enum Step {
    /// There may be more at once.
    More,
    /// Nothing more to read now.
    Idle,
}

/// Why a projection stands still for the moment.
#[derive(Debug, thiserror::Error)]
enum Standstill {
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error("the read model belongs to version {0} of this projection")]
    Newer(i32),
}

impl From<StoreError> for Standstill {
    fn from(error: StoreError) -> Self {
        Self::Batch(error.into())
    }
}

impl From<sqlx::Error> for Standstill {
    fn from(error: sqlx::Error) -> Self {
        Self::Batch(error.into())
    }
}

impl Follower {
    pub(super) fn new(pool: PgPool, view: View, precedence: Precedence) -> Self {
        Self {
            feed: Feed::new(pool.clone()),
            pool,
            place: Place::live(view),
            checkpoint: Position::START,
            gauges: Gauges::of(view),
            behind: false,
            care_at: Instant::now(),
            precedence,
            late: Duration::ZERO,
        }
    }

    /// Until it is dropped.
    pub(super) async fn follow(mut self, mut listener: Listener) -> Infallible {
        let (mut poll, mut retry) = (POLL.0, RETRY.0);
        loop {
            match self.step().await {
                Ok(Step::More) => {
                    (poll, retry) = (POLL.0, RETRY.0);
                    self.gauges.standing(false);
                }
                Ok(Step::Idle) => {
                    retry = RETRY.0;
                    self.gauges.standing(false);
                    listener.wait(poll).await;
                    poll = (poll * 2).min(POLL.1);
                }
                Err(reason) => {
                    self.report(&reason);
                    // What this process knew may be what is wrong.
                    self.checkpoint = Position::START;
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(RETRY.1);
                }
            }
        }
    }

    /// Reads outside of any transaction, so that neither an idle projection nor the read of a busy one costs a
    /// transaction id or holds back the feed of the others.
    async fn step(&mut self) -> Result<Step, Standstill> {
        if self.checkpoint == Position::START {
            self.checkpoint = Checkpoints::new(self.pool.clone()).get(&self.place.name()).await?;
        }
        self.care().await?;
        let streams = self.place.projection.streams();
        let size = if self.behind { BATCH.1 } else { BATCH.0 };
        let waiting = Instant::now();
        self.precedence.give_way(self.late).await;
        let waited = waiting.elapsed();
        let batch = self.feed.read(self.checkpoint, streams, size).await?;
        self.behind = !batch.exhausted;
        self.late = if batch.exhausted { Duration::ZERO } else { self.late + waited };
        if batch.events.is_empty() {
            return Ok(Step::Idle);
        }
        let Some(applied) = self.commit(&batch.events).await? else { return Ok(Step::More) };
        self.gauges.batch(&applied);
        let all = applied.events == batch.events.len() as u64;
        Ok(if all && batch.exhausted { Step::Idle } else { Step::More })
    }

    /// `None` when another process was first: then this one goes on from where that one came to.
    async fn commit(&mut self, events: &[RecordedEvent]) -> Result<Option<Applied>, Standstill> {
        let mut tx = self.pool.begin().await?;
        let from = Checkpoints::lock(&mut tx, &self.place.name()).await?;
        let ready = match self.place.prepare(&mut tx, from).await? {
            Ready::At(position) => position,
            Ready::Newer(version) => return Err(Standstill::Newer(version)),
        };
        if ready != self.checkpoint {
            // Tables that were made anew are kept, with their checkpoint at the start.
            tx.commit().await?;
            self.checkpoint = ready;
            return Ok(None);
        }
        let applied = batch::apply(&mut tx, self.place, events).await?;
        tx.commit().await?;
        self.checkpoint = applied.position;
        Ok(Some(applied))
    }

    /// From time to time: measures, and moves an idle checkpoint over events that are not the projection's own, so
    /// that nobody has to read over them again and again.
    async fn care(&mut self) -> Result<(), Standstill> {
        let begun = Instant::now();
        if begun < self.care_at {
            return Ok(());
        }
        self.gauges.status(&admin::status(&self.pool, self.place.projection).await?);
        // To count what is unseen takes long when that is much.
        self.care_at = begun + CARE.max(begun.elapsed() * CARE_SHARE);
        let head = self.feed.head().await?;
        let streams = self.place.projection.streams();
        if self.checkpoint == Position::START || head <= self.checkpoint {
            return Ok(());
        }
        // Whatever is at or before the head was there to be read after the head was.
        let unseen = self.feed.read(self.checkpoint, streams, 1).await?;
        if !unseen.events.is_empty() {
            return Ok(());
        }
        let mut tx = self.pool.begin().await?;
        if Checkpoints::lock(&mut tx, &self.place.name()).await? == self.checkpoint {
            Checkpoints::set(&mut tx, &self.place.name(), head).await?;
            tx.commit().await?;
            self.checkpoint = head;
        }
        Ok(())
    }

    fn report(&self, reason: &Standstill) {
        self.gauges.standing(true);
        let projection = self.place.projection.view().name();
        let cause = std::error::Error::source(reason).map(ToString::to_string);
        if let Standstill::Batch(BatchError::Hole { .. }) = reason {
            tracing::error!(projection, error = %reason, "projection stopped: an event is missing");
        } else {
            tracing::warn!(projection, error = %reason, cause, "projection will try again");
        }
    }
}
