//! A container engine in memory, for tests of everything above it.
//!
//! Its networks are addresses of the loopback, so that forwarders really listen. It can be broken on purpose.

mod engine;
mod observe;

use super::{ContainerSeen, ContainerSpec, EngineEvent, Phase, RuntimeError};
use clawplane_domain::BotId;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, broadcast};

/// An engine in memory. Clones share it.
#[derive(Clone)]
pub struct FakeRuntime {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Mutex<Engine>,
    events: broadcast::Sender<EngineEvent>,
    pull_gate: Notify,
}

/// A container of the fake engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeContainer {
    /// What it was made from.
    pub spec: ContainerSpec,
    /// What the worker sees.
    pub seen: ContainerSeen,
}

#[derive(Default)]
struct Engine {
    down: Option<String>,
    images: BTreeSet<String>,
    pullable: BTreeSet<String>,
    pulls_wait: bool,
    containers: BTreeMap<BotId, FakeContainer>,
    networks: BTreeMap<BotId, IpAddr>,
    sick: BTreeSet<BotId>,
    stubborn: BTreeSet<BotId>,
    dies_at_start: BTreeMap<BotId, i64>,
    image_dies: BTreeMap<String, i64>,
    sick_images: BTreeSet<String>,
    fails_after: Option<usize>,
    cut_off: bool,
    log: String,
    made: u32,
    /// Second number of its networks' addresses, where it is not the usual one.
    net: Option<u8>,
    calls: Vec<String>,
}

impl Default for FakeRuntime {
    fn default() -> Self {
        let events = broadcast::Sender::new(256);
        Self { inner: Arc::new(Inner { engine: Mutex::default(), events, pull_gate: Notify::new() }) }
    }
}

impl FakeRuntime {
    /// An engine that has these images.
    pub fn with_images(images: &[&str]) -> Self {
        let fake = Self::default();
        fake.engine().images = images.iter().map(|image| (*image).to_owned()).collect();
        fake
    }

    /// Gives its networks addresses of their own, `127.<net>.x.1`, so that several engines fit one machine.
    pub fn set_net(&self, net: u8) {
        self.engine().net = Some(net);
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.inner.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets it answer nothing any more, or answer again.
    pub fn set_down(&self, reason: Option<&str>) {
        self.engine().down = reason.map(str::to_owned);
    }

    /// Says that an image can be pulled; `waits` lets the pull hang at 40 % until [`FakeRuntime::finish_pulls`].
    pub fn offer_image(&self, image: &str, waits: bool) {
        let mut engine = self.engine();
        engine.pullable.insert(image.to_owned());
        engine.pulls_wait = waits;
    }

    /// Puts an image on the engine, as a build would.
    pub fn add_image(&self, image: &str) {
        self.engine().images.insert(image.to_owned());
        let _ = self.inner.events.send(EngineEvent::Image);
    }

    /// Lets waiting pulls go on.
    pub fn finish_pulls(&self) {
        self.engine().pulls_wait = false;
        self.inner.pull_gate.notify_waiters();
    }

    /// Lets a bot's health check fail, or pass again.
    pub fn set_sick(&self, bot: BotId, sick: bool) {
        let mut engine = self.engine();
        if sick {
            engine.sick.insert(bot)
        } else {
            engine.sick.remove(&bot)
        };
    }

    /// Lets a bot's process take no new token until it is started again.
    pub fn set_stubborn(&self, bot: BotId) {
        self.engine().stubborn.insert(bot);
    }

    /// Lets a bot's process end with this code as soon as it starts; `None` lets it live.
    pub fn set_dies_at_start(&self, bot: BotId, code: Option<i64>) {
        let mut engine = self.engine();
        match code {
            Some(code) => engine.dies_at_start.insert(bot, code),
            None => engine.dies_at_start.remove(&bot),
        };
    }

    /// Lets whatever is made from an image end with this code as soon as it starts; `None` lets it live.
    pub fn set_image_dies(&self, image: &str, code: Option<i64>) {
        let mut engine = self.engine();
        match code {
            Some(code) => engine.image_dies.insert(image.to_owned(), code),
            None => engine.image_dies.remove(image),
        };
    }

    /// Lets the health check of whatever is made from an image fail.
    pub fn set_image_sick(&self, image: &str) {
        self.engine().sick_images.insert(image.to_owned());
    }

    /// Takes no changes any more once it has taken this many; `None`: takes all again.
    pub fn fail_after(&self, changes: Option<usize>) {
        let mut engine = self.engine();
        engine.fails_after = changes;
        engine.cut_off = false;
    }

    /// Whether it was asked for a change since then and did not take it.
    pub fn was_cut_off(&self) -> bool {
        self.engine().cut_off
    }

    /// What containers wrote.
    pub fn set_log(&self, text: &str) {
        text.clone_into(&mut self.engine().log);
    }

    /// Ends a bot's process, as a crash would.
    pub fn kill(&self, bot: BotId, code: i64) {
        if let Some(container) = self.engine().containers.get_mut(&bot) {
            container.end(code);
        }
        let _ = self.inner.events.send(EngineEvent::Container(bot));
    }

    /// Takes a bot's container away, as somebody's `docker rm -f` would.
    pub fn take_away(&self, bot: BotId) {
        self.engine().containers.remove(&bot);
        let _ = self.inner.events.send(EngineEvent::Container(bot));
    }

    /// A bot's container.
    pub fn container(&self, bot: BotId) -> Option<FakeContainer> {
        self.engine().containers.get(&bot).cloned()
    }

    /// Whether a bot has a network.
    pub fn has_network(&self, bot: BotId) -> bool {
        self.engine().networks.contains_key(&bot)
    }

    /// The changes that were asked for, in order: `create <name>`, `start <name>`, ...
    pub fn calls(&self) -> Vec<String> {
        self.engine().calls.clone()
    }

    /// The engine, if it answers.
    fn up(&self) -> Result<MutexGuard<'_, Engine>, RuntimeError> {
        let engine = self.engine();
        match &engine.down {
            Some(reason) => Err(RuntimeError::Unavailable { reason: reason.clone() }),
            None => Ok(engine),
        }
    }
}

impl FakeRuntime {
    /// The engine, if it answers and takes another change.
    fn up_for_change(&self) -> Result<MutexGuard<'_, Engine>, RuntimeError> {
        let mut engine = self.up()?;
        if engine.fails_after.is_some_and(|most| engine.calls.len() >= most) {
            engine.cut_off = true;
            return Err(RuntimeError::Unavailable { reason: "it was cut off".to_owned() });
        }
        Ok(engine)
    }
}

impl FakeContainer {
    fn end(&mut self, code: i64) {
        self.seen.phase = Phase::Exited;
        self.seen.exit_code = Some(code);
        self.seen.ip = None;
    }
}

impl Engine {
    fn by_id(&mut self, id: &str) -> Option<&mut FakeContainer> {
        self.containers.values_mut().find(|container| container.seen.id == id)
    }

    fn call(&mut self, what: &str, id: &str) {
        let name = self.by_id(id).map(|container| container.spec.name.clone()).unwrap_or_default();
        self.calls.push(format!("{what} {name}"));
    }
}
