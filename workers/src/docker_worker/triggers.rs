//! What wakes the worker: events of the platform, of the engine, of other processes. All of them only say "look".

use super::{EngineStatus, Shared};
use crate::{
    consumer::{Consumer, Handler, Retry},
    nats::Nats,
    runtime::{EngineEvent, RuntimeError},
    wake_up::WakeUp,
};
use async_trait::async_trait;
use clawplane_domain::BotId;
use clawplane_eventstore::{DeadLetters, Feed, Position, StoreError, Wakeup, feed::Filter};
use futures::StreamExt;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Events of the feed that are read at a time.
const BATCH: u32 = 500;
/// Longest time between two looks at the feed, for other processes' events where NATS is down.
const POLL: Duration = Duration::from_secs(2);
/// Shortest time between two looks: the bell also rings for every batch of usage.
const GAP: Duration = Duration::from_millis(20);
/// Longest wait after an error of the database.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Names of single bots that are kept; more of them mean "all".
const MANY: usize = 10_000;
/// The engine gets this long to accept the subscription to its events.
const SUBSCRIBE: Duration = Duration::from_millis(200);

/// What has to be looked at.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// All bots, with their health.
    pub(super) full: bool,
    /// These bots.
    pub(super) bots: HashSet<BotId>,
    /// Bots for which a start was asked for: their failures are forgiven.
    pub(super) starts: HashSet<BotId>,
    /// An image came or went.
    pub(super) images: bool,
    /// The read model has to have come so far.
    pub(super) at_least: Option<Position>,
}

/// Collects reasons to look until the worker has time to.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    pending: Mutex<Pending>,
    notify: Notify,
}

impl Triggers {
    fn add(&self, change: impl FnOnce(&mut Pending)) {
        change(&mut self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        self.notify.notify_one();
    }

    pub(super) fn full(&self) {
        self.add(|pending| pending.full = true);
    }

    /// An event of a bot's stream.
    fn bot(&self, bot: BotId, event_type: &str, position: Position) {
        // The worker's own reports need no look.
        if matches!(event_type, "bot.observed" | "bot.removed" | "bot.egress_refused") {
            return;
        }
        self.add(|pending| {
            pending.note(bot);
            pending.at_least = pending.at_least.max(Some(position));
            if begins_anew(event_type) && pending.starts.len() < MANY {
                pending.starts.insert(bot);
            }
        });
    }

    fn engine(&self, event: &EngineEvent) {
        self.add(|pending| match event {
            EngineEvent::Container(bot) => pending.note(*bot),
            EngineEvent::Image => pending.images = true,
        });
    }

    /// Returns once there is something to look at.
    pub(super) async fn wait(&self) {
        self.notify.notified().await;
    }

    pub(super) fn take(&self) -> Pending {
        std::mem::take(&mut self.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether somebody wants a new process, whatever became of the ones before.
fn begins_anew(event_type: &str) -> bool {
    matches!(
        event_type,
        "bot.start_requested" | "bot.restart_requested" | "bot.init_requested" | "bot.upgrade_begun"
    )
}

impl Pending {
    fn note(&mut self, bot: BotId) {
        if self.bots.len() < MANY {
            self.bots.insert(bot);
        } else {
            self.full = true;
        }
    }
}

/// Reads the feed of bots: it knows which one changed, and how.
pub(super) async fn follow_feed(
    feed: Feed,
    wakeup: Wakeup,
    triggers: Arc<Triggers>,
    shutdown: CancellationToken,
) {
    let mut bell = wakeup.listen();
    let mut position = None;
    let mut wait = POLL;
    while !shutdown.is_cancelled() {
        match read(&feed, &mut position, &triggers).await {
            Ok(()) => wait = POLL,
            Err(error) => {
                tracing::warn!(%error, "the worker cannot read the feed; it looks periodically meanwhile");
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
        tokio::select! {
            () = bell.wait(wait) => {}
            () = shutdown.cancelled() => return,
        }
        tokio::time::sleep(GAP).await;
    }
}

/// Reads all there is. What is older than the worker's start is seen by its first pass.
async fn read(feed: &Feed, position: &mut Option<Position>, triggers: &Triggers) -> Result<(), StoreError> {
    let mut after = match *position {
        Some(position) => position,
        None => feed.head().await?,
    };
    loop {
        *position = Some(after);
        let batch = feed.read(after, Filter::Types(&["bot"]), BATCH).await?;
        for event in &batch.events {
            if let Ok(bot) = event.aggregate_id.parse() {
                triggers.bot(bot, &event.event_type, event.position);
            }
        }
        match batch.last() {
            Some(last) => after = last,
            None => return Ok(()),
        }
    }
}

/// Keeps the engine's status, and passes its events on.
pub(super) async fn follow_engine(shared: Arc<Shared>, triggers: Arc<Triggers>, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let gone = tokio::select! {
            gone = until_gone(&shared, &triggers) => gone,
            () = shutdown.cancelled() => return,
        };
        shared.engine.note(&gone);
        tokio::select! {
            () = tokio::time::sleep(shared.config.engine_retry) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

async fn until_gone(shared: &Shared, triggers: &Triggers) -> RuntimeError {
    let version = match shared.runtime.info().await {
        Ok(info) => info.version,
        Err(error) => return error,
    };
    let mut events = shared.runtime.events();
    // The subscription is made by the first look; what happens before it is seen by the pass that follows.
    let first = tokio::time::timeout(SUBSCRIBE, events.next()).await;
    shared.engine.set(EngineStatus::Available { version });
    triggers.full();
    let mut status = shared.engine.subscribe();
    let mut next = first.ok();
    loop {
        match next {
            None => {}
            Some(Some(Ok(event))) => triggers.engine(&event),
            Some(Some(Err(error))) => return error,
            Some(None) => return RuntimeError::Unavailable { reason: "it closed the connection".to_owned() },
        }
        // A call may find out that it is gone while this connection still looks alive.
        next = tokio::select! {
            next = events.next() => Some(next),
            reason = unavailable(&mut status) => return RuntimeError::Unavailable { reason },
        };
    }
}

async fn unavailable(status: &mut watch::Receiver<EngineStatus>) -> String {
    let reason = match status.wait_for(|status| matches!(status, EngineStatus::Unavailable { .. })).await {
        Ok(status) => match &*status {
            EngineStatus::Unavailable { reason } => Some(reason.clone()),
            _ => None,
        },
        Err(_) => None,
    };
    match reason {
        Some(reason) => reason,
        None => std::future::pending().await,
    }
}

/// Takes other processes' wake-ups from JetStream.
pub(super) fn follow_nats(
    nats: Nats,
    dead_letters: DeadLetters,
    triggers: Arc<Triggers>,
    shutdown: &CancellationToken,
    tracker: &TaskTracker,
) {
    let consumer = Consumer {
        name: "docker-worker",
        streams: "bot",
        handler: Arc::new(Look(triggers)),
        nats,
        retry: Retry::default(),
        dead_letters,
        checkpoints: None,
    };
    tracker.spawn(consumer.run(shutdown.clone()));
}

struct Look(Arc<Triggers>);

#[async_trait]
impl Handler for Look {
    async fn handle(&self, wake_up: &WakeUp) -> Result<(), super::BoxError> {
        self.0.bot(wake_up.id.parse()?, &wake_up.event_type, wake_up.position);
        Ok(())
    }

    async fn reconnected(&self) {
        self.0.full();
    }
}
