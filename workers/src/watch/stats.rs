//! Figures of running containers: one task a container looks, for as long as anybody wants to see.

use super::Latest;
use crate::{
    hosts::Host,
    runtime::{ContainerSeen, observe::Counters},
};
use clawplane_domain::BotId;
use futures::StreamExt;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// Between two looks at how much disk a bot takes, which costs more than the rest.
const DISK_EVERY: Duration = Duration::from_mins(1);

/// A container's figures at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Of one core, since the sample before: 150 is one core and a half.
    pub cpu_percent: f64,
    /// Its counters.
    pub counters: Counters,
    /// Bytes in its own layer; `None` until somebody has counted.
    pub layer_bytes: Option<u64>,
    /// Bytes in its folder.
    pub folder_bytes: Option<u64>,
    /// There is more in its folder than was counted.
    pub folder_is_more: bool,
}

/// A bot's figures; the container is looked at for as long as this lives.
#[derive(Clone, Debug)]
pub struct Figures(Latest);

impl Figures {
    /// The next sample; `None` when the container does not run any more, or its engine does not answer.
    pub async fn next(&mut self) -> Option<Sample> {
        loop {
            self.0.changed().await.ok()?;
            let sample = *self.0.borrow_and_update();
            if sample.is_some() {
                return sample;
            }
        }
    }

    /// The latest sample, or the first.
    pub async fn latest(&mut self) -> Option<Sample> {
        let present = *self.0.borrow_and_update();
        if present.is_some() { present } else { self.next().await }
    }
}

/// The tasks that look.
#[derive(Default)]
pub(super) struct Pollers {
    running: Arc<Mutex<HashMap<BotId, watch::Sender<Option<Sample>>>>>,
}

impl Pollers {
    /// Looks along with others, where they do.
    pub(super) fn join(&self, bot: BotId) -> Option<Figures> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(&bot).map(|sender| Figures(sender.subscribe()))
    }

    /// Begins to look, unless somebody did meanwhile.
    pub(super) fn start(&self, bot: BotId, host: Arc<Host>, seen: ContainerSeen) -> Figures {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = running.get(&bot) {
            return Figures(sender.subscribe());
        }
        let (sender, receiver) = watch::channel(None);
        running.insert(bot, sender.clone());
        let all = Arc::clone(&self.running);
        tokio::spawn(async move {
            tokio::select! {
                () = look(&host, bot, &seen, &sender) => {}
                () = nobody(&all, bot, &sender) => return,
            }
            all.lock().unwrap_or_else(PoisonError::into_inner).remove(&bot);
        });
        Figures(receiver)
    }
}

/// Waits until nobody looks, and takes the task out then: under the lock, so that nobody joins one that ends.
async fn nobody(
    all: &Mutex<HashMap<BotId, watch::Sender<Option<Sample>>>>,
    bot: BotId,
    sender: &watch::Sender<Option<Sample>>,
) {
    loop {
        sender.closed().await;
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        if sender.receiver_count() == 0 {
            all.remove(&bot);
            return;
        }
    }
}

async fn look(host: &Host, bot: BotId, seen: &ContainerSeen, sender: &watch::Sender<Option<Sample>>) {
    let mut counters = host.runtime.counters(&seen.id);
    let mut before: Option<Counters> = None;
    let mut sample = Sample::default();
    let (disk, mut disks) = tokio::sync::mpsc::channel(1);
    let mut next_disk = Instant::now();
    let mut counting = tokio::task::JoinSet::new();
    while let Some(next) = counters.next().await {
        let now = match next {
            Ok(now) => now,
            Err(error) => {
                tracing::debug!(%bot, %error, "a container's figures cannot be read");
                return;
            }
        };
        if now.machine_nanos == 0 && now.memory_limit_bytes == 0 {
            return; // What the engine says of a container that does not run any more.
        }
        if Instant::now() >= next_disk && counting.is_empty() {
            next_disk = Instant::now() + DISK_EVERY;
            counting.spawn(count_disk(
                host.runtime.clone(),
                host.workspaces.clone(),
                bot,
                seen.id.clone(),
                disk.clone(),
            ));
        }
        if let Ok((layer, folder)) = disks.try_recv() {
            counting = tokio::task::JoinSet::new();
            sample.layer_bytes = layer;
            (sample.folder_bytes, sample.folder_is_more) = folder;
        }
        let earlier = before.replace(now);
        let Some(earlier) = earlier else { continue };
        sample.counters = now;
        sample.cpu_percent = cpu_percent(earlier, now);
        sender.send_replace(Some(sample));
    }
}

type Disk = (Option<u64>, (Option<u64>, bool));

async fn count_disk(
    runtime: Arc<dyn crate::Runtime>,
    workspaces: crate::workspace::Workspaces,
    bot: BotId,
    container: String,
    to: tokio::sync::mpsc::Sender<Disk>,
) {
    let layer = runtime.layer_bytes(&container).await.ok();
    let folder = match workspaces.size(bot).await {
        Ok(size) => (Some(size.bytes), size.is_more),
        Err(_) => (None, false),
    };
    let _ = to.send((layer, folder)).await;
}

/// As `docker stats` counts.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a second or two are far below 2^52")]
fn cpu_percent(before: Counters, now: Counters) -> f64 {
    let used = now.cpu_nanos.saturating_sub(before.cpu_nanos) as f64;
    let passed = now.machine_nanos.saturating_sub(before.machine_nanos) as f64;
    if passed <= 0.0 { 0.0 } else { used / passed * f64::from(now.cores) * 100.0 }
}

#[cfg(test)]
mod tests;
