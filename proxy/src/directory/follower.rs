//! Follows the feed into the directory, and the usage of other proxies into the ledgers.
//!
//! When the database is away it goes on trying, while the data path lives on with what it knows.

use super::{Change, Directory};
use crate::{
    StartError,
    ports::{EventSource, Unsealer, UsageTotals},
    quota::Amount,
    telemetry,
};
use arc_swap::ArcSwap;
use clawplane_domain::{
    clock::Clock,
    usage::{USAGE_STREAM, UsageRecorded},
};
use clawplane_eventstore::{Filter, Listener, Position, RecordedEvent, StoreError};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Everything that is folded into the directory.
const DIRECTORY: Filter = Filter::Types(&["bot", "provider_key", "quota"]);
const USAGE: Filter = Filter::Types(&[USAGE_STREAM]);
const BATCH: u32 = 1000;
/// How long to wait for the bell. Other processes' events come without it.
const POLL: Duration = Duration::from_millis(50);
/// At least so long between two reads, however often the bell rings.
const PAUSE: Duration = Duration::from_millis(5);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// The only writer of the directory.
pub(crate) struct Follower {
    pub(crate) events: Arc<dyn EventSource>,
    pub(crate) unsealer: Arc<dyn Unsealer>,
    pub(crate) directory: Arc<ArcSwap<Directory>>,
    /// The stream of this process, whose usage the ledgers have already.
    pub(crate) own_stream: String,
    directory_position: Position,
    usage_position: Position,
}

impl Follower {
    pub(crate) fn new(
        events: Arc<dyn EventSource>,
        unsealer: Arc<dyn Unsealer>,
        directory: Arc<ArcSwap<Directory>>,
        own_stream: String,
    ) -> Self {
        let (directory_position, usage_position) = (Position::START, Position::START);
        Self { events, unsealer, directory, own_stream, directory_position, usage_position }
    }

    /// Reads everything up to the head: for the start, before the first request.
    pub(crate) async fn catch_up(
        &mut self,
        totals: &dyn UsageTotals,
        clock: &dyn Clock,
    ) -> Result<(), StartError> {
        while !self.follow_directory().await? {}
        let at = clock.now();
        let totals = totals.current(at).await.map_err(StartError::Totals)?;
        let mut directory = Directory::clone(&self.directory.load());
        for bot in &totals.bots {
            let day = Amount { tokens: bot.day_tokens, cost_micros: bot.day_cost_micros };
            let month = Amount { tokens: bot.month_tokens, cost_micros: bot.month_cost_micros };
            directory.ledger(bot.bot_id).add_totals(at, day, month);
        }
        self.directory.store(Arc::new(directory));
        self.usage_position = totals.position;
        while !self.follow_usage().await? {}
        Ok(())
    }

    /// Follows until `cancel`.
    pub(crate) async fn run(mut self, mut bell: Listener, cancel: CancellationToken) {
        let mut backoff = POLL;
        loop {
            let step = async {
                tokio::time::sleep(PAUSE).await;
                match self.step().await {
                    Ok(true) => {
                        backoff = POLL;
                        bell.wait(POLL).await;
                    }
                    Ok(false) => backoff = POLL,
                    Err(error) => {
                        tracing::warn!(%error, retry_in = ?backoff, "the proxy cannot read events; it serves what it knows");
                        tokio::time::sleep(backoff).await;
                        backoff = (backoff * 2).min(BACKOFF_MAX);
                    }
                }
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                () = step => {}
            }
        }
    }

    /// Reads what there is, at most a batch each; true when there was nothing more.
    pub(super) async fn step(&mut self) -> Result<bool, StoreError> {
        let directory = self.follow_directory().await?;
        Ok(self.follow_usage().await? && directory)
    }

    async fn follow_directory(&mut self) -> Result<bool, StoreError> {
        let batch = self.events.read(self.directory_position, DIRECTORY, BATCH).await?;
        if batch.events.is_empty() {
            return Ok(batch.exhausted);
        }
        let mut directory = Directory::clone(&self.directory.load());
        for event in &batch.events {
            match Change::of(event, self.unsealer.as_ref()).await {
                // What this process saw is older than what it knows by now.
                Ok(Some(Change::KeyTurned { .. })) if self.is_own(event) => {}
                Ok(Some(change)) => directory.apply(change),
                Ok(None) => {}
                Err(error) if error.is_temporary() => {
                    // What was folded so far counts; this event is the first of the next read.
                    self.directory.store(Arc::new(directory));
                    tracing::warn!(%error, "the vault is away; provider keys wait");
                    return Err(StoreError::Unreadable { at: place(event), why: error.to_string() });
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(event = %place(event), %error, cause, "an event is skipped by the proxy");
                    telemetry::skipped_event();
                }
            }
            self.directory_position = event.position;
        }
        self.directory.store(Arc::new(directory));
        telemetry::directory_position(self.directory_position);
        Ok(batch.exhausted)
    }

    fn is_own(&self, event: &RecordedEvent) -> bool {
        event.metadata.causation.as_ref() == Some(&self.own_stream)
    }

    async fn follow_usage(&mut self) -> Result<bool, StoreError> {
        let batch = self.events.read(self.usage_position, USAGE, BATCH).await?;
        let directory = self.directory.load();
        let mut missing = Vec::new();
        for event in &batch.events {
            self.usage_position = event.position;
            if event.aggregate_id == self.own_stream {
                continue;
            }
            match event.decode::<UsageRecorded>() {
                Ok(usage) => match directory.ledgers.get(&usage.bot_id) {
                    Some(ledger) => ledger.add(usage.at, amount(&usage)),
                    None => missing.push(usage),
                },
                Err(error) => {
                    tracing::error!(%error, "a usage event is skipped by the proxy");
                    telemetry::skipped_event();
                }
            }
        }
        if !missing.is_empty() {
            let mut changed = Directory::clone(&directory);
            // A bot that was deleted has no ledger, and needs none.
            for usage in missing.into_iter().filter(|usage| directory.bots.contains_key(&usage.bot_id)) {
                changed.ledger(usage.bot_id).add(usage.at, amount(&usage));
            }
            self.directory.store(Arc::new(changed));
        }
        Ok(batch.exhausted)
    }
}

fn amount(usage: &UsageRecorded) -> Amount {
    Amount { tokens: usage.tokens.total(), cost_micros: usage.cost_micros.unwrap_or(0) }
}

fn place(event: &RecordedEvent) -> String {
    format!("{}/{}/{}", event.aggregate_type, event.aggregate_id, event.sequence)
}
