//! The notification worker: picks what people want to hear of out of all events.
//!
//! For now it writes a line in the log and counts; in-app messages, mail and webhooks will begin here.

use crate::{
    consumer::{Consumer, Handler, Retry},
    docker_worker::BoxError,
    nats::Nats,
    wake_up::WakeUp,
};
use async_trait::async_trait;
use clawplane_domain::{
    bot::{BotEvent, BotState},
    provider_key::{DisabledBy, KeyEvent},
    quota::{QuotaEvent, Reached, Threshold},
};
use clawplane_eventstore::{Checkpoints, DeadLetters, Feed, Position, RecordedEvent, StoreError};
use std::sync::Arc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Its name at JetStream, of its checkpoint and in the dead letters.
pub const CHECKPOINT: &str = "notification";

/// What people want to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notable {
    /// Its kind, for filters and metrics.
    pub kind: &'static str,
    /// What it is about: `type/id`.
    pub about: String,
    /// More of it, where there is more to say.
    pub detail: Option<String>,
}

/// What the notification worker works with.
#[derive(Clone, Debug)]
pub struct NotificationWorker {
    /// Where the wake-ups come from.
    pub nats: Nats,
    /// Where the events are.
    pub feed: Feed,
    /// How far it is.
    pub checkpoints: Checkpoints,
    /// What it gave up.
    pub dead_letters: DeadLetters,
}

impl NotificationWorker {
    /// Starts it; it ends within 5 s of `shutdown`.
    pub fn start(self, shutdown: &CancellationToken, tracker: &TaskTracker) {
        let consumer = Consumer {
            name: CHECKPOINT,
            streams: "*",
            handler: Arc::new(Notify { feed: self.feed }),
            nats: self.nats,
            retry: Retry::default(),
            dead_letters: self.dead_letters,
            checkpoints: Some(self.checkpoints),
        };
        tracker.spawn(consumer.run(shutdown.clone()));
    }
}

struct Notify {
    feed: Feed,
}

#[async_trait]
impl Handler for Notify {
    async fn handle(&self, wake_up: &WakeUp) -> Result<(), BoxError> {
        if !may_be_notable(&wake_up.event_type) {
            return Ok(());
        }
        let event = event_at(&self.feed, wake_up.position).await?.ok_or("the event is not in the feed")?;
        let Some(notable) = notable(&event)? else { return Ok(()) };
        metrics::counter!("clawplane_notifications_total", "kind" => notable.kind).increment(1);
        tracing::info!(
            kind = notable.kind,
            about = %notable.about,
            detail = notable.detail.as_deref().unwrap_or_default(),
            tenant = %event.tenant_id,
            position = %event.position,
            "notable"
        );
        Ok(())
    }
}

/// The event at a position.
async fn event_at(feed: &Feed, position: Position) -> Result<Option<RecordedEvent>, StoreError> {
    let before = Position { global: position.global - 1, ..position };
    let batch = feed.read(before, crate::relay::FILTER, 1).await?;
    Ok(batch.events.into_iter().next().filter(|event| event.position == position))
}

/// By name alone, so that the many others need no look into the database.
fn may_be_notable(event_type: &str) -> bool {
    matches!(event_type, "bot.observed" | "bot.upgrade_rolled_back" | "provider_key.disabled")
        || kind_of(event_type).is_some()
}

fn kind_of(event_type: &str) -> Option<&'static str> {
    Some(match event_type {
        "bot.created" => "bot_created",
        "bot.deleted" => "bot_deleted",
        "bot.upgrade_committed" => "bot_upgraded",
        "host.lost" => "host_lost",
        "host.found" => "host_found",
        "provider_key.added" => "provider_key_added",
        "provider_key.deleted" => "provider_key_deleted",
        "provider_key.enabled" => "provider_key_enabled",
        "provider_key.rotated" => "provider_key_rotated",
        "quota.set" => "quota_set",
        "quota.cleared" => "quota_cleared",
        "quota.threshold_reached" => "quota_threshold",
        "tenant.member_added" => "member_added",
        _ => return None,
    })
}

/// Whether people want to hear of an event. Nothing of a secret is in what is said.
pub fn notable(event: &RecordedEvent) -> Result<Option<Notable>, StoreError> {
    let about = format!("{}/{}", event.aggregate_type, event.aggregate_id);
    if event.event_type == "bot.observed" {
        let BotEvent::Observed { observation } = event.decode()? else { return Ok(None) };
        let failed = observation.state == BotState::Failed;
        let kind = if observation.left_alone { "bot_left_alone" } else { "bot_failed" };
        return Ok(failed.then_some(Notable { kind, about, detail: observation.reason }));
    }
    if event.event_type == "bot.upgrade_rolled_back" {
        let BotEvent::UpgradeRolledBack { reason, .. } = event.decode()? else { return Ok(None) };
        return Ok(Some(Notable { kind: "bot_upgrade_rolled_back", about, detail: Some(reason) }));
    }
    if event.event_type == "provider_key.disabled" {
        let KeyEvent::Disabled { disabling } = event.decode()? else { return Ok(None) };
        let kind = match disabling.by {
            DisabledBy::Proxy => "provider_key_refused",
            DisabledBy::Person => "provider_key_disabled",
        };
        return Ok(Some(Notable { kind, about, detail: Some(disabling.reason) }));
    }
    if event.event_type == "quota.threshold_reached" {
        let QuotaEvent::ThresholdReached { reached, .. } = event.decode()? else { return Ok(None) };
        let Reached { limit, of, percent, used, .. } = reached;
        let kind = match percent {
            Threshold::Near => "quota_nearly_used_up",
            Threshold::Full => "quota_used_up",
        };
        let detail = Some(format!("{used} of {} {of} ({} %)", limit.name(), percent.percent()));
        return Ok(Some(Notable { kind, about, detail }));
    }
    Ok(kind_of(&event.event_type).map(|kind| Notable { kind, about, detail: None }))
}

#[cfg(test)]
mod tests;
