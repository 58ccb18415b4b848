//! Follows the feed into the directory, and the usage of other proxies into the ledgers.
//!
//! When the database is away it goes on trying, while the data path lives on with what it knows.

use super::{Change, Directory, change::PriceTurn};
use crate::{
    StartError,
    ports::{BotTotals, EventSource, Unsealer, UsageTotals},
    price::Book,
    quota::Amount,
    telemetry,
};
use arc_swap::ArcSwap;
use clawplane_domain::{
    TenantId,
    clock::Clock,
    quota::QuotaSubject,
    quota_lease::LeaseEvent,
    usage::{USAGE_STREAM, UsageRecorded},
};
use clawplane_eventstore::{Filter, Listener, Position, RecordedEvent, StoreError};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Everything that is folded into the directory.
const DIRECTORY: Filter = Filter::Types(&["bot", "price", "provider_key", "quota", "tenant"]);
const PRICES: Filter = Filter::Types(&["price"]);
/// What others have used, and which slices they lease: from the start's totals on, never all of history.
const USAGE: Filter = Filter::Types(&[USAGE_STREAM, LEASES]);
const LEASES: &str = "quota_lease";
const BATCH: u32 = 1000;
/// How long to wait for the bell. Other processes' events come without it.
const POLL: Duration = Duration::from_millis(50);
/// At least so long between two reads, however often the bell rings.
const PAUSE: Duration = Duration::from_millis(5);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// What is said of prices up to the head: for the recovery of the spool, which comes before the directory. An event
/// that cannot be read is skipped here, and reported when the directory meets it.
pub(crate) async fn read_prices(events: &dyn EventSource) -> Result<Book, StoreError> {
    let (mut book, mut after) = (Book::default(), Position::START);
    loop {
        let batch = events.read(after, PRICES, BATCH).await?;
        for event in &batch.events {
            if let Ok(turn) = PriceTurn::of(event) {
                turn.apply(&mut book);
            }
            after = event.position;
        }
        if batch.exhausted {
            return Ok(book);
        }
    }
}

/// The only writer of the directory.
pub(crate) struct Follower {
    pub(crate) events: Arc<dyn EventSource>,
    pub(crate) unsealer: Arc<dyn Unsealer>,
    pub(crate) directory: Arc<ArcSwap<Directory>>,
    /// The stream of this process, whose usage the ledgers have already.
    pub(crate) own_stream: String,
    totals: Arc<dyn UsageTotals>,
    clock: Arc<dyn Clock>,
    /// Tenants whose time zone was changed: what they have used is to be read anew.
    rezoned: Vec<TenantId>,
    directory_position: Position,
    usage_position: Position,
    /// Tells what the directory knows by now.
    reached: watch::Sender<Position>,
}

impl Follower {
    pub(crate) fn new(
        events: Arc<dyn EventSource>,
        unsealer: Arc<dyn Unsealer>,
        directory: Arc<ArcSwap<Directory>>,
        own_stream: String,
        totals: Arc<dyn UsageTotals>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (directory_position, usage_position) = (Position::START, Position::START);
        let rezoned = Vec::new();
        Self {
            events,
            unsealer,
            directory,
            own_stream,
            totals,
            clock,
            rezoned,
            directory_position,
            usage_position,
            reached: watch::Sender::new(Position::START),
        }
    }

    /// The position up to which the directory knows what happened.
    pub(crate) fn reached(&self) -> watch::Receiver<Position> {
        self.reached.subscribe()
    }

    /// Reads everything up to the head: for the start, before the first request.
    pub(crate) async fn catch_up(&mut self) -> Result<(), StartError> {
        while !self.follow_directory().await? {}
        self.rezoned.clear();
        let at = self.clock.now();
        let mut directory = Directory::clone(&self.directory.load());
        let zones = directory.zones();
        let totals = self.totals.current(at, &zones).await.map_err(StartError::Totals)?;
        for bot in &totals.bots {
            let (day, month) = amounts(bot);
            // What a deleted bot has used counts for its tenant.
            if directory.bots.contains_key(&bot.bot_id) {
                directory.ledger(QuotaSubject::bot(bot.tenant_id, bot.bot_id)).add_totals(at, day, month);
            }
            directory.ledger(QuotaSubject::tenant(bot.tenant_id)).add_totals(at, day, month);
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
        if !self.rezoned.is_empty() {
            self.correct_totals().await?;
        }
        Ok(self.follow_usage().await? && directory)
    }

    /// Counts anew what tenants have used in the days and months of their new time zone, as the read model has it.
    /// What is not in it yet, a second's worth as a rule, is missing in those windows.
    async fn correct_totals(&mut self) -> Result<(), StoreError> {
        let at = self.clock.now();
        let directory = self.directory.load_full();
        let totals = self.totals.current(at, &directory.zones()).await;
        let totals = totals.map_err(|error| StoreError::Unstorable(error.to_string()))?;
        let mut of_tenants = std::collections::HashMap::<TenantId, (Amount, Amount)>::new();
        for bot in totals.bots.iter().filter(|bot| self.rezoned.contains(&bot.tenant_id)) {
            let (day, month) = amounts(bot);
            if let Some(ledger) = directory.ledgers.get(&bot.bot_id) {
                ledger.correct(at, day, month);
            }
            let sum = of_tenants.entry(bot.tenant_id).or_default();
            *sum = (sum.0.plus(day), sum.1.plus(month));
        }
        for (tenant, (day, month)) in of_tenants {
            if let Some(ledger) = directory.tenants.get(&tenant) {
                ledger.correct(at, day, month);
            }
        }
        self.rezoned.clear();
        Ok(())
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
                Ok(Some(change)) => {
                    if let Change::TimeZoneSet { tenant, .. } = &change {
                        self.rezoned.push(*tenant);
                    }
                    directory.apply(change);
                }
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
        self.reached.send_replace(self.directory_position);
        telemetry::directory_position(self.directory_position);
        Ok(batch.exhausted)
    }

    fn is_own(&self, event: &RecordedEvent) -> bool {
        event.metadata.causation.as_ref() == Some(&self.own_stream)
    }

    async fn follow_usage(&mut self) -> Result<bool, StoreError> {
        let (batch, next) =
            self.events.read_others(self.usage_position, USAGE, &self.own_stream, BATCH).await?;
        self.usage_position = next;
        let directory = self.directory.load();
        let mut missing = Vec::new();
        for event in &batch.events {
            if event.aggregate_type == LEASES {
                self.leased(&directory, event);
                continue;
            }
            match event.decode::<UsageRecorded>() {
                Ok(usage) => {
                    let bot = directory.ledgers.get(&usage.bot_id);
                    match bot.zip(directory.tenants.get(&usage.tenant_id)) {
                        Some((bot, tenant)) => {
                            bot.add(usage.at, amount(&usage));
                            tenant.add(usage.at, amount(&usage));
                        }
                        None => missing.push(usage),
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "a usage event is skipped by the proxy");
                    telemetry::skipped_event();
                }
            }
        }
        if !missing.is_empty() {
            let mut changed = Directory::clone(&directory);
            for usage in missing {
                // A bot that was deleted has no ledger, and needs none. Its tenant pays all the same.
                if directory.bots.contains_key(&usage.bot_id) {
                    let subject = QuotaSubject::bot(usage.tenant_id, usage.bot_id);
                    changed.ledger(subject).add(usage.at, amount(&usage));
                }
                changed.ledger(QuotaSubject::tenant(usage.tenant_id)).add(usage.at, amount(&usage));
            }
            self.directory.store(Arc::new(changed));
        }
        Ok(batch.exhausted)
    }
}

impl Follower {
    /// Whoever was alone with a quota learns that it is not any more.
    fn leased(&self, directory: &Directory, event: &RecordedEvent) {
        let Ok(LeaseEvent::Leased { subject, holder, .. }) = event.decode() else { return };
        if holder == self.own_stream {
            return;
        }
        let ledger = match subject.bot_id {
            Some(bot) => directory.ledgers.get(&bot),
            None => directory.tenants.get(&subject.tenant_id),
        };
        if let Some(ledger) = ledger {
            ledger.other_holder();
        }
    }
}

fn amounts(bot: &BotTotals) -> (Amount, Amount) {
    let day = Amount { tokens: bot.day_tokens, cost_micros: bot.day_cost_micros };
    (day, Amount { tokens: bot.month_tokens, cost_micros: bot.month_cost_micros })
}

fn amount(usage: &UsageRecorded) -> Amount {
    Amount { tokens: usage.tokens.total(), cost_micros: usage.cost_micros.unwrap_or(0) }
}

fn place(event: &RecordedEvent) -> String {
    format!("{}/{}/{}", event.aggregate_type, event.aggregate_id, event.sequence)
}
