//! The fake engine as the worker uses it.

use super::{FakeContainer, FakeRuntime};
use crate::runtime::{
    BotNetwork, ContainerSeen, ContainerSpec, EngineEvent, EngineInfo, Phase, PullProgress, Runtime,
    RuntimeError,
    belongings::{Belongings, ContainerFacts},
};
use async_trait::async_trait;
use clawplane_domain::{BotId, Secret, TenantId, upkeep::LeftoverKind, values::ImageRef};
use futures::{StreamExt, stream::BoxStream};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::sync::broadcast;

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

    async fn ensure_network(
        &self,
        bot: BotId,
        _tenant: TenantId,
        _egress_port: u16,
    ) -> Result<BotNetwork, RuntimeError> {
        let mut engine = self.up()?;
        let number = u8::try_from(engine.networks.len() + 1).unwrap_or(u8::MAX);
        let net = engine.net.unwrap_or(77);
        let gateway = *engine.networks.entry(bot).or_insert(IpAddr::V4(Ipv4Addr::new(127, net, number, 1)));
        Ok(BotNetwork { gateway, prefix: 8 })
    }

    async fn list(&self) -> Result<Vec<ContainerSeen>, RuntimeError> {
        Ok(self.up()?.containers.values().map(|container| container.seen.clone()).collect())
    }

    async fn inspect(&self, bot: BotId) -> Result<Option<ContainerSeen>, RuntimeError> {
        Ok(self.up()?.containers.get(&bot).map(|container| container.seen.clone()))
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<String, RuntimeError> {
        let mut engine = self.up_for_change()?;
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
        let mut engine = self.up_for_change()?;
        engine.call("start", id);
        let dies = engine.by_id(id).map(|container| container.seen.bot);
        if let Some(bot) = &dies {
            engine.stubborn.remove(bot);
        }
        let image = engine.by_id(id).map(|container| container.seen.image.clone()).unwrap_or_default();
        let dies = dies.and_then(|bot| engine.dies_at_start.get(&bot).copied());
        let dies = dies.or_else(|| engine.image_dies.get(&image).copied());
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
        let mut engine = self.up_for_change()?;
        engine.call("stop", id);
        if let Some(container) = engine.by_id(id) {
            container.end(143);
        }
        Ok(())
    }

    async fn pause(&self, id: &str) -> Result<(), RuntimeError> {
        let mut engine = self.up()?;
        engine.call("pause", id);
        if let Some(container) = engine.by_id(id).filter(|container| container.seen.phase == Phase::Running) {
            container.seen.phase = Phase::Paused;
        }
        Ok(())
    }

    async fn unpause(&self, id: &str) -> Result<(), RuntimeError> {
        let mut engine = self.up()?;
        engine.call("unpause", id);
        if let Some(container) = engine.by_id(id).filter(|container| container.seen.phase == Phase::Paused) {
            container.seen.phase = Phase::Running;
        }
        Ok(())
    }

    async fn remove(&self, id: &str) -> Result<(), RuntimeError> {
        let mut engine = self.up_for_change()?;
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
            Some(container)
                if engine.sick.contains(&container.seen.bot)
                    || engine.sick_images.contains(&container.seen.image) =>
            {
                Err("/healthz answers 503".to_owned())
            }
            Some(_) => Ok(()),
            None => Err("connection refused".to_owned()),
        }
    }

    async fn takes_token(&self, gateway: SocketAddr, _: &Secret) -> Result<bool, String> {
        let engine = self.up().map_err(|error| error.to_string())?;
        let at = |container: &&FakeContainer| container.seen.ip == Some(gateway.ip());
        let container = engine.containers.values().find(at).ok_or("connection refused")?;
        Ok(!engine.stubborn.contains(&container.seen.bot))
    }

    /// As far as the fake has them: its containers by name.
    async fn belongings(&self) -> Result<Belongings, RuntimeError> {
        let facts = |container: &FakeContainer| ContainerFacts {
            id: container.seen.id.clone(),
            name: container.spec.name.clone(),
            bot: Some(container.seen.bot),
            running: container.seen.phase == Phase::Running,
            image: container.seen.image.clone(),
            ..ContainerFacts::default()
        };
        let containers = self.up()?.containers.values().map(facts).collect();
        Ok(Belongings { containers, ..Belongings::default() })
    }

    async fn remove_leftover(&self, _kind: LeftoverKind, id: &str) -> Result<(), RuntimeError> {
        self.remove(id).await
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
