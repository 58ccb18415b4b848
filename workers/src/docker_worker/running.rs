//! The steps of a bot that shall run: image, network, files, container, start, health.

use super::{
    converge::{AGAIN, Converge, Lack, Next},
    files::REVOKED,
    plan::{self, Step},
    pulls::Pull,
    reason::{self, LOG_LINES},
    spec,
};
use crate::{
    forward::Way,
    runtime::{BotNetwork, ContainerSeen, ContainerSpec, GATEWAY_PORT, RuntimeError},
};
use clawplane_domain::{
    Secret,
    bot::{BotState, Observation},
    values::ImageRef,
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// Health checks that have to fail in a row before a bot that was healthy counts as unhealthy: on a busy machine one
/// answer may be late.
const PROBES: u32 = 3;
/// Time between two of them.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// Time between two looks at an unhealthy bot.
const UNHEALTHY_EVERY: Duration = Duration::from_secs(5);

/// Time between two looks at a frozen bot.
const PAUSED_EVERY: Duration = Duration::from_secs(1);

impl Converge {
    pub(super) async fn step_running(&mut self) -> Result<Next, RuntimeError> {
        let (shared, bot) = (Arc::clone(&self.shared), Arc::clone(&self.bot));
        let network = shared.runtime.ensure_network(bot.id, bot.tenant_id, shared.config.egress_port).await?;
        let spec = spec::container(&bot, network.gateway, &shared.config, &shared.workspaces);
        if self.is_left_alone(&spec).await? {
            return Ok(Next::Settled);
        }
        let seen = shared.runtime.inspect(bot.id).await?;
        if let Some(next) = self.rest_without_room(seen.as_ref()).await? {
            return Ok(next);
        }
        match (plan::next(bot.desired, seen.as_ref(), &spec.spec_hash, self.last_state()), seen) {
            (Step::Create, _) => self.create(&spec, network).await,
            (Step::Replace, Some(seen)) => self.replace(&spec, &seen.id).await,
            (Step::Start, Some(seen)) => self.start(&spec, network, seen.id, false).await,
            (Step::Watch, Some(seen)) => self.watch(&spec, network, seen).await,
            (Step::Wait, Some(_)) => Ok(Next::After(PAUSED_EVERY.min(shared.config.reconcile_every))),
            (Step::Crashed, Some(seen)) => self.crashed(&seen).await,
            _ => Ok(Next::Settled),
        }
    }

    /// Whether it has failed too often with just this specification.
    async fn is_left_alone(&mut self, spec: &ContainerSpec) -> Result<bool, RuntimeError> {
        let Some(given_up) = &self.memory.given_up else { return Ok(false) };
        let goes_on = match given_up.lacks {
            _ if given_up.spec_hash != spec.spec_hash => true,
            Lack::Nothing => false,
            Lack::Image => self.shared.runtime.has_image(&spec.image).await?,
            Lack::Port => self.port_is_free().await,
        };
        if !goes_on {
            return Ok(true);
        }
        self.memory.forgive();
        Ok(false)
    }

    /// The digest of what its container should be made from now; empty when the engine cannot say.
    pub(super) async fn spec_hash(&self) -> String {
        let (shared, bot) = (&self.shared, &self.bot);
        let network = shared.runtime.ensure_network(bot.id, bot.tenant_id, shared.config.egress_port).await;
        network.map_or_else(
            |_| String::new(),
            |network| spec::container(bot, network.gateway, &shared.config, &shared.workspaces).spec_hash,
        )
    }

    /// Makes room for a container of another specification. A bot that is upgraded runs on until the image is here.
    async fn replace(&mut self, spec: &ContainerSpec, id: &str) -> Result<Next, RuntimeError> {
        if self.trial().is_some() && !self.image_is_here(&spec.image, false).await? {
            return Ok(Next::Settled);
        }
        let (shared, bot) = (&self.shared, &self.bot);
        tracing::info!(bot = %bot.id, hostname = %bot.hostname, "a bot's configuration changed: new container");
        let _permit = shared.permits.acquire().await;
        shared.runtime.stop(id, shared.config.stop_grace).await?;
        shared.runtime.remove(id).await?;
        Ok(Next::After(Duration::ZERO))
    }

    async fn create(&mut self, spec: &ContainerSpec, network: BotNetwork) -> Result<Next, RuntimeError> {
        self.report(self.starting(None, None)).await;
        if !self.image_is_here(&spec.image, true).await? {
            return Ok(Next::Settled);
        }
        let id = {
            let _permit = self.shared.permits.acquire().await;
            self.write_files(network, true).await?;
            self.shared.runtime.create(spec).await?
        };
        self.start(spec, network, id, true).await
    }

    /// Pulls the image if need be. `false`: somebody wants something else meanwhile.
    async fn image_is_here(&mut self, image: &ImageRef, tell: bool) -> Result<bool, RuntimeError> {
        if self.shared.runtime.has_image(image).await? {
            return Ok(true);
        }
        let mut pull = self.shared.pulls.follow(image);
        let mut reported: Option<Instant> = None;
        loop {
            let state = pull.borrow_and_update().clone();
            match state {
                Pull::Done => return Ok(true),
                Pull::Failed(error) => return Err(error),
                Pull::Going(progress) => {
                    if tell && reported.is_none_or(|at| at.elapsed() >= self.shared.config.progress_every) {
                        reported = Some(Instant::now());
                        let reason = format!("pulling {image}: {} %", progress.percent());
                        self.report(self.starting(None, Some(reason))).await;
                    }
                }
            }
            tokio::select! {
                changed = pull.changed() => {
                    if changed.is_err() {
                        return Err(RuntimeError::Other { what: "pull", message: "it was given up".to_owned() });
                    }
                }
                () = self.cancel.cancelled() => return Ok(false),
            }
        }
    }

    /// `fresh`: the files were written just now.
    pub(super) async fn start(
        &mut self,
        spec: &ContainerSpec,
        network: BotNetwork,
        id: String,
        fresh: bool,
    ) -> Result<Next, RuntimeError> {
        if !self.port_is_free().await {
            let port = self.bot.port;
            let reason =
                format!("port {port} of this host is taken by another program; it starts once that is free");
            return Ok(self.fail(&reason, None, Lack::Port).await);
        }
        let permit = self.shared.permits.acquire().await;
        if !fresh {
            self.write_files(network, true).await?;
        }
        // Before its first request; whether it worked is looked at once it runs.
        let _ = self.open_egress(network).await;
        let _ = self.open_web(network).await;
        match self.shared.runtime.start(&id).await {
            Ok(()) => drop(permit),
            Err(error) if fresh || matches!(error, RuntimeError::Unavailable { .. }) => return Err(error),
            // Something it was made with may be gone, such as its network: the next one is made with what is there.
            Err(error) => {
                tracing::warn!(bot = %spec.bot, %error, "a bot's container cannot be started; making another one");
                self.shared.runtime.remove(&id).await?;
                return Ok(Next::After(Duration::ZERO));
            }
        }
        tracing::info!(bot = %spec.bot, hostname = %self.bot.hostname, image = %spec.image, "a bot was started");
        self.memory.starting_since = Some(Instant::now());
        self.memory.failed_probes = 0;
        self.report(self.starting(Some(id), None)).await;
        Ok(Next::After(Duration::ZERO))
    }

    /// It runs: open its ways, look at its health, say how it is.
    async fn watch(
        &mut self,
        spec: &ContainerSpec,
        network: BotNetwork,
        seen: ContainerSeen,
    ) -> Result<Next, RuntimeError> {
        self.keep_config(network).await;
        let health = self.open_and_probe(network, &seen).await;
        if let (Ok(()), Some(ip)) = (&health, seen.ip) {
            let inside = SocketAddr::new(ip, GATEWAY_PORT);
            if let Some(next) = self.keep_token(spec, network, &seen.id, inside).await? {
                return Ok(next);
            }
        }
        if let (Err(problem), Some(number)) = (&health, self.trial()) {
            return Ok(self.still_trying(number, seen.id, problem).await);
        }
        let id = Some(seen.id);
        let restarts = self.memory.failures.total().max(seen.restarts);
        let Err(problem) = health else {
            if let Some(number) = self.trial()
                && !self.commit_upgrade(number).await
            {
                return Ok(Next::After(AGAIN));
            }
            self.memory.starting_since = None;
            self.memory.failed_probes = 0;
            let reason = self.bot.token.is_none().then(|| REVOKED.to_owned()).or_else(|| self.disk_warning());
            let seen =
                Observation { container_id: id, restarts, reason, ..Observation::new(BotState::Running) };
            self.report(seen).await;
            return Ok(Next::Settled);
        };
        self.memory.failed_probes = self.memory.failed_probes.saturating_add(1);
        let was_healthy = matches!(self.last_state(), BotState::Running | BotState::Unhealthy);
        if !was_healthy {
            let since = *self.memory.starting_since.get_or_insert_with(Instant::now);
            if since.elapsed() < self.shared.config.health_within {
                self.report(self.starting(id, None)).await;
                return Ok(Next::After(self.shared.config.health_every));
            }
        } else if self.last_state() == BotState::Running && self.memory.failed_probes < PROBES {
            return Ok(Next::After(PROBE_EVERY.min(self.shared.config.reconcile_every)));
        }
        let reason = Some(reason::clean(&problem, None));
        let seen =
            Observation { container_id: id, reason, restarts, ..Observation::new(BotState::Unhealthy) };
        self.report(seen).await;
        Ok(Next::After(UNHEALTHY_EVERY.min(self.shared.config.reconcile_every)))
    }

    async fn open_and_probe(&self, network: BotNetwork, seen: &ContainerSeen) -> Result<(), String> {
        let ip = seen.ip.ok_or("it has no address on its network")?;
        let inside = SocketAddr::new(ip, GATEWAY_PORT);
        let outside = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.bot.port);
        if self.bot.token.is_none() {
            // Its process still knows a revoked token, which must not open anything any more.
            self.shared.forwards.remove(self.bot.id).await;
            return self.shared.runtime.probe(inside).await;
        }
        self.open_egress(network).await?;
        self.open_web(network).await?;
        self.shared.forwards.ensure(self.bot.id, Way::Ingress, outside, inside, None).await?;
        self.shared.runtime.probe(inside).await
    }

    /// Whether the bot's port on this host is its own, or nobody's.
    async fn port_is_free(&self) -> bool {
        let outside = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.bot.port);
        self.shared.forwards.can_have(self.bot.id, Way::Ingress, outside).await
    }

    async fn open_egress(&self, network: BotNetwork) -> Result<(), String> {
        let config = &self.shared.config;
        let listen = spec::proxy_seen_by(network.gateway, config);
        self.shared.forwards.ensure(self.bot.id, Way::Egress, listen, config.proxy_addr, Some(network)).await
    }

    async fn crashed(&mut self, seen: &ContainerSeen) -> Result<Next, RuntimeError> {
        let log = self.shared.runtime.log_tail(&seen.id, LOG_LINES).await;
        let token = self.token().await.ok();
        let log = match (log, &token) {
            (Ok(log), Some(_)) => log,
            // Without the token it cannot be taken out of the lines, so they stay where they are.
            _ => String::new(),
        };
        let reason = reason::exited(seen, &log, token.as_ref().map(Secret::expose));
        match self.trial() {
            Some(number) => Ok(self.roll_back(number, &reason).await),
            None => Ok(self.fail(&reason, Some(seen), Lack::Nothing).await),
        }
    }

    fn starting(&self, container_id: Option<String>, reason: Option<String>) -> Observation {
        let restarts = self.memory.failures.total();
        Observation { container_id, reason, restarts, ..Observation::new(BotState::Starting) }
    }
}
