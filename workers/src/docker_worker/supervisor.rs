//! The loop that compares all bots with all containers and gives each bot that needs work a task.

use super::{
    DesiredBot, DesiredBots, Shared,
    converge::{Converge, Lack, Memory},
    triggers::{Pending, Triggers},
};
use crate::runtime::{ContainerSeen, Phase};
use clawplane_domain::{
    BotId,
    bot::{BotState, Desired, Part},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::Notify,
    task::{Id, JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Shortest time between two passes: a burst of events is one look.
const GAP: Duration = Duration::from_millis(50);
/// Wait after a pass that failed.
const AFTER_ERROR: Duration = Duration::from_secs(3);
/// What tasks get to end their step when the platform stops.
const GRACE: Duration = Duration::from_secs(3);
/// Containers of unknown bots that are told of once each.
const STRANGERS: usize = 1000;

/// One bot, between its tasks.
#[derive(Default)]
struct Slot {
    /// What was last wanted of it.
    wanted: Option<Arc<DesiredBot>>,
    /// What is known of it; empty while its task has that.
    memory: Memory,
    task: Option<CancellationToken>,
    /// A start was asked for while the task ran.
    forgive: bool,
    /// Something happened while the task ran.
    look_again: bool,
}

pub(super) struct Supervisor {
    shared: Arc<Shared>,
    bots: Arc<dyn DesiredBots>,
    triggers: Arc<Triggers>,
    shutdown: CancellationToken,
    slots: HashMap<BotId, Slot>,
    tasks: JoinSet<Memory>,
    task_of: HashMap<Id, BotId>,
    images: Arc<Notify>,
    strangers: HashSet<String>,
}

impl Supervisor {
    pub(super) fn new(
        shared: Arc<Shared>,
        bots: Arc<dyn DesiredBots>,
        triggers: Arc<Triggers>,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            shared,
            bots,
            triggers,
            shutdown,
            slots: HashMap::new(),
            tasks: JoinSet::new(),
            task_of: HashMap::new(),
            images: Arc::default(),
            strangers: HashSet::new(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut next_full = Instant::now() + self.shared.config.reconcile_every;
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                () = self.triggers.wait() => {}
                () = tokio::time::sleep_until(next_full) => self.triggers.full(),
                Some(ended) = self.tasks.join_next_with_id() => {
                    self.ended(ended);
                    continue;
                }
            }
            let pending = self.triggers.take();
            if pending.full {
                next_full = Instant::now() + self.shared.config.reconcile_every;
            }
            if !self.shared.engine.is_available() {
                continue; // Its return starts a full pass.
            }
            let shutdown = self.shutdown.clone();
            tokio::select! {
                done = self.pass(pending) => {
                    if done.is_err() {
                        next_full = next_full.min(Instant::now() + AFTER_ERROR);
                    }
                }
                () = shutdown.cancelled() => break,
            }
            tokio::time::sleep(GAP).await;
        }
        self.finish().await;
    }

    /// Lets the steps that are under way end, bounded.
    async fn finish(mut self) {
        for slot in self.slots.values() {
            if let Some(task) = &slot.task {
                task.cancel();
            }
        }
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            tracing::info!(
                "the worker leaves steps to the engine that take too long; the next start looks at them"
            );
        }
    }

    async fn pass(&mut self, pending: Pending) -> Result<(), ()> {
        let bots = self.bots.present(pending.at_least).await.map_err(|error| {
            tracing::warn!(%error, "the bots that should be cannot be read");
        })?;
        let containers = self.shared.runtime.list().await.map_err(|error| {
            self.shared.engine.note(&error);
            tracing::warn!(%error, "the containers cannot be listed");
        })?;
        let mut containers: HashMap<BotId, ContainerSeen> =
            containers.into_iter().map(|seen| (seen.bot, seen)).collect();
        if pending.images {
            self.images.notify_waiters();
        }
        let mut present = HashSet::with_capacity(bots.len());
        for bot in bots {
            let seen = containers.remove(&bot.id);
            if bot.placement.part_of(self.shared.term.host()) == Part::Nothing {
                continue;
            }
            present.insert(bot.id);
            self.consider(bot, seen.as_ref(), &pending);
        }
        self.slots.retain(|id, slot| present.contains(id) || slot.task.is_some());
        self.tell_of_strangers(containers.into_values());
        Ok(())
    }

    /// A container of ours without a bot: the read model may be behind or restored from a backup, so it is not touched.
    fn tell_of_strangers(&mut self, containers: impl Iterator<Item = ContainerSeen>) {
        for seen in containers {
            if self.strangers.len() < STRANGERS && self.strangers.insert(seen.id.clone()) {
                tracing::warn!(container = %seen.id, bot = %seen.bot, "a container of a bot that nobody knows; left alone");
            }
        }
    }

    fn consider(&mut self, bot: DesiredBot, seen: Option<&ContainerSeen>, pending: &Pending) {
        let id = bot.id;
        let slot = self.slots.entry(id).or_default();
        let changed = slot.wanted.as_ref().is_some_and(|wanted| !wanted.same_wish(&bot));
        slot.forgive |= pending.starts.contains(&id);
        slot.look_again |= changed || slot.forgive || pending.bots.contains(&id);
        if let Some(task) = &slot.task {
            if changed || slot.forgive {
                task.cancel();
            }
            slot.wanted = Some(Arc::new(bot));
            return;
        }
        let part = bot.placement.part_of(self.shared.term.host());
        let look = slot.look_again || needs_look(&bot, part, seen, &slot.memory, pending);
        slot.wanted = Some(Arc::new(bot));
        if look {
            self.spawn(id);
        }
    }

    fn spawn(&mut self, id: BotId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let Some(bot) = slot.wanted.clone() else { return };
        slot.look_again = false;
        if std::mem::take(&mut slot.forgive) {
            slot.memory.forgive();
        }
        let cancel = self.shutdown.child_token();
        slot.task = Some(cancel.clone());
        let task = Converge {
            shared: Arc::clone(&self.shared),
            bot,
            memory: std::mem::take(&mut slot.memory),
            cancel,
            images: Arc::clone(&self.images),
        };
        let handle = self.tasks.spawn(task.run());
        self.task_of.insert(handle.id(), id);
    }

    fn ended(&mut self, ended: Result<(Id, Memory), JoinError>) {
        let (task, memory) = match ended {
            Ok((task, memory)) => (task, memory),
            Err(error) => {
                tracing::error!(%error, "a bot's task failed");
                (error.id(), Memory::default())
            }
        };
        let Some(id) = self.task_of.remove(&task) else { return };
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.task = None;
        slot.memory = memory;
        if slot.look_again {
            self.spawn(id);
        }
    }
}

/// Whether a bot needs a task although nobody said that it changed.
fn needs_look(
    bot: &DesiredBot,
    part: Part,
    seen: Option<&ContainerSeen>,
    memory: &Memory,
    pending: &Pending,
) -> bool {
    if part != Part::Keep {
        return pending.full || seen.is_some();
    }
    let runs = seen.is_some_and(|seen| seen.phase == Phase::Running);
    let state = memory.last.as_ref().unwrap_or(&bot.observed).state;
    match (bot.desired, &memory.given_up) {
        (Desired::Running, Some(given_up)) => {
            pending.full || (given_up.lacks == Lack::Image && pending.images)
        }
        (Desired::Running, None) => pending.full || !runs,
        (Desired::Stopped, _) => {
            runs || memory.unreported || !matches!(state, BotState::Created | BotState::Stopped)
        }
        (Desired::Deleted, _) => !memory.removed,
    }
}
