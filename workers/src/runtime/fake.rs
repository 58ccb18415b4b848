//! A container engine in memory, for tests of everything above it.
//!
//! Its networks are addresses of the loopback, so that forwarders really listen. It can be broken on purpose.

use super::{
    ContainerSeen, ContainerSpec, EngineEvent, EngineInfo, Phase, PullProgress, Runtime, RuntimeError,
};
use async_trait::async_trait;
use clawplane_domain::{BotId, TenantId, values::ImageRef};
use futures::{StreamExt, stream::BoxStream};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
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
    dies_at_start: BTreeMap<BotId, i64>,
    log: String,
    made: u32,
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

    /// Lets a bot's process end with this code as soon as it starts; `None` lets it live.
    pub fn set_dies_at_start(&self, bot: BotId, code: Option<i64>) {
        let mut engine = self.engine();
        match code {
            Some(code) => engine.dies_at_start.insert(bot, code),
            None => engine.dies_at_start.remove(&bot),
        };
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

#[async_trait]
impl Runtime for FakeRuntime {
    async fn info(&self) -> Result<EngineInfo, RuntimeError> {
        self.up().map(|_| EngineInfo { version: "fake 1".to_owned() })
    }

    async fn has_image(&self, image: &ImageRef) -> Result<bool, RuntimeError> {
        Ok(self.up()?.images.contains(image.as_str()))
    }

    async fn pull_image(
        &self,
        image: &ImageRef,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Result<(), RuntimeError> {
        self.up()?.calls.push(format!("pull {image}"));
        if !self.up()?.pullable.contains(image.as_str()) {
            let reason = "no such host".to_owned();
            return Err(RuntimeError::ImageMissing { image: image.to_string(), reason });
        }
        progress(PullProgress { current: 40, total: 100 });
        loop {
            let opened = self.inner.pull_gate.notified();
            if !self.up()?.pulls_wait {
                break;
            }
            opened.await;
        }
        progress(PullProgress { current: 100, total: 100 });
        self.up()?.images.insert(image.to_string());
        Ok(())
    }

    async fn ensure_network(&self, bot: BotId, _tenant: TenantId) -> Result<IpAddr, RuntimeError> {
        let mut engine = self.up()?;
        let number = u8::try_from(engine.networks.len() + 1).unwrap_or(u8::MAX);
        Ok(*engine.networks.entry(bot).or_insert(IpAddr::V4(Ipv4Addr::new(127, 77, number, 1))))
    }

    async fn list(&self) -> Result<Vec<ContainerSeen>, RuntimeError> {
        Ok(self.up()?.containers.values().map(|container| container.seen.clone()).collect())
    }

    async fn inspect(&self, bot: BotId) -> Result<Option<ContainerSeen>, RuntimeError> {
        Ok(self.up()?.containers.get(&bot).map(|container| container.seen.clone()))
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<String, RuntimeError> {
        let mut engine = self.up()?;
        if !engine.images.contains(spec.image.as_str()) {
            let reason = "No such image".to_owned();
            return Err(RuntimeError::ImageMissing { image: spec.image.to_string(), reason });
        }
        if engine.containers.contains_key(&spec.bot) {
            return Err(RuntimeError::Conflict { message: format!("the name {} is taken", spec.name) });
        }
        engine.made += 1;
        let id = format!("fake-{}", engine.made);
        let seen = ContainerSeen {
            id: id.clone(),
            bot: spec.bot,
            phase: Phase::Created,
            exit_code: None,
            oom: false,
            error: None,
            restarts: 0,
            ip: None,
            image: spec.image.to_string(),
            spec_hash: spec.spec_hash.clone(),
        };
        engine.containers.insert(spec.bot, FakeContainer { spec: spec.clone(), seen });
        engine.call("create", &id);
        Ok(id)
    }

    async fn start(&self, id: &str) -> Result<(), RuntimeError> {
        let mut engine = self.up()?;
        engine.call("start", id);
        let dies = engine.by_id(id).map(|container| container.seen.bot);
        let dies = dies.and_then(|bot| engine.dies_at_start.get(&bot).copied());
        let number = id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(u8::MAX);
        let address = IpAddr::V4(Ipv4Addr::new(127, 78, number, 1));
        let Some(container) = engine.by_id(id) else {
            return Err(RuntimeError::Other {
                what: "start a container",
                message: "No such container".to_owned(),
            });
        };
        container.seen.phase = Phase::Running;
        container.seen.exit_code = None;
        container.seen.ip = Some(address);
        if let Some(code) = dies {
            container.end(code);
        }
        Ok(())
    }

    async fn stop(&self, id: &str, _grace: Duration) -> Result<(), RuntimeError> {
        let mut engine = self.up()?;
        engine.call("stop", id);
        if let Some(container) = engine.by_id(id) {
            container.end(143);
        }
        Ok(())
    }

    async fn remove(&self, id: &str) -> Result<(), RuntimeError> {
        let mut engine = self.up()?;
        engine.call("remove", id);
        engine.containers.retain(|_, container| container.seen.id != id);
        Ok(())
    }

    async fn remove_network(&self, bot: BotId) -> Result<(), RuntimeError> {
        self.up()?.networks.remove(&bot);
        Ok(())
    }

    async fn log_tail(&self, _id: &str, _lines: u32) -> Result<String, RuntimeError> {
        Ok(self.up()?.log.clone())
    }

    async fn probe(&self, gateway: SocketAddr) -> Result<(), String> {
        let engine = self.up().map_err(|error| error.to_string())?;
        let mut running =
            engine.containers.values().filter(|container| container.seen.ip == Some(gateway.ip()));
        match running.next() {
            Some(container) if engine.sick.contains(&container.seen.bot) => {
                Err("/healthz answers 503".to_owned())
            }
            Some(_) => Ok(()),
            None => Err("connection refused".to_owned()),
        }
    }

    fn events(&self) -> BoxStream<'static, Result<EngineEvent, RuntimeError>> {
        let receiver = self.inner.events.subscribe();
        let stream = futures::stream::unfold(receiver, |mut receiver| async move {
            loop {
                match receiver.recv().await {
                    Ok(event) => return Some((Ok(event), receiver)),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        });
        stream.boxed()
    }
}
