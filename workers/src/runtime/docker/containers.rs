//! Containers: list, inspect, create, start, stop, remove, their last lines.

use super::{
    DockerRuntime, errors,
    networks::network_name,
    profile::{self, LABEL_BOT, LABEL_INSTANCE, LABEL_SPEC},
};
use crate::runtime::{ContainerSeen, ContainerSpec, Phase, RuntimeError, short_id};
use bollard::{
    models::{
        ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary, ContainerSummaryStateEnum,
    },
    query_parameters::{
        CreateContainerOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder,
        RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
    },
};
use clawplane_domain::BotId;
use futures::StreamExt;
use std::{collections::HashMap, net::IpAddr, time::Duration};

/// Most bytes of a container's last lines that are read.
const LOG_BYTES: usize = 64 * 1024;

impl DockerRuntime {
    pub(super) async fn list_containers(
        &self,
        bot: Option<BotId>,
    ) -> Result<Vec<ContainerSeen>, RuntimeError> {
        let mut wanted = vec![format!("{LABEL_INSTANCE}={}", self.instance())];
        wanted.extend(bot.map(|bot| format!("{LABEL_BOT}={bot}")));
        let filters = HashMap::from([("label".to_owned(), wanted)]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let listed = self.client().await?.list_containers(Some(options)).await;
        let listed = listed.map_err(|error| self.fault("list containers", error))?;
        Ok(own_first(listed))
    }

    pub(super) async fn inspect_container(&self, bot: BotId) -> Result<Option<ContainerSeen>, RuntimeError> {
        // By label and not by name, which a person may have changed.
        let Some(listed) = self.list_containers(Some(bot)).await?.into_iter().next() else { return Ok(None) };
        match self.client().await?.inspect_container(&listed.id, None).await {
            Ok(inspected) => Ok(Some(from_inspect(listed, inspected))),
            Err(error) if errors::is_missing(&error) => Ok(None),
            Err(error) => Err(self.fault("inspect a container", error)),
        }
    }

    pub(super) async fn create_container(&self, spec: &ContainerSpec) -> Result<String, RuntimeError> {
        match self.try_create(spec, true).await {
            // "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"
            Err(RuntimeError::Other { message, .. }) if message.contains("storage-opt") => {
                tracing::warn!(bot = %spec.bot, "the engine cannot bound what a bot writes to its root file system");
                self.try_create(spec, false).await
            }
            other => other,
        }
    }

    async fn try_create(&self, spec: &ContainerSpec, bounded: bool) -> Result<String, RuntimeError> {
        let options = CreateContainerOptionsBuilder::default().name(&spec.name).build();
        let body = profile::create_body(spec, self.instance(), &network_name(spec.bot), bounded);
        match self.client().await?.create_container(Some(options), body).await {
            Ok(created) => Ok(created.id),
            Err(error) if errors::is_missing(&error) => {
                Err(RuntimeError::ImageMissing { image: spec.image.to_string(), reason: error.to_string() })
            }
            Err(error) => Err(self.fault("create a container", error)),
        }
    }

    pub(super) async fn start_container(&self, id: &str) -> Result<(), RuntimeError> {
        let started = self.client().await?.start_container(id, None::<StartContainerOptions>).await;
        self.done_or("start a container", started, errors::is_unchanged)
    }

    pub(super) async fn pause_container(&self, id: &str) -> Result<(), RuntimeError> {
        let paused = self.client().await?.pause_container(id).await;
        self.done_or("pause a container", paused, errors::is_paused)
    }

    pub(super) async fn unpause_container(&self, id: &str) -> Result<(), RuntimeError> {
        let unpaused = self.client().await?.unpause_container(id).await;
        self.done_or("let a container go on", unpaused, |error| {
            errors::is_not_paused(error) || errors::is_missing(error)
        })
    }

    pub(super) async fn stop_container(&self, id: &str, grace: Duration) -> Result<(), RuntimeError> {
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        let stopped = self.client().await?.stop_container(id, Some(options)).await;
        self.done_or("stop a container", stopped, |error| {
            errors::is_unchanged(error) || errors::is_missing(error)
        })
    }

    pub(super) async fn remove_container(&self, id: &str) -> Result<(), RuntimeError> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let removed = self.client().await?.remove_container(id, Some(options)).await;
        let gone = |error: &_| errors::is_missing(error) || errors::is_under_way(error);
        self.done_or("remove a container", removed, gone)
    }

    pub(super) async fn last_lines(&self, id: &str, lines: u32) -> Result<String, RuntimeError> {
        let tail = lines.to_string();
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&tail).build();
        let client = self.client().await?;
        let mut stream = std::pin::pin!(client.logs(id, Some(options)));
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| self.fault("read a container's log", error))?;
            bytes.extend_from_slice(chunk.as_ref());
            // The end is what counts: the reason stands in the last lines.
            let excess = bytes.len().saturating_sub(LOG_BYTES);
            bytes.drain(..excess);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn done_or(
        &self,
        what: &'static str,
        result: Result<(), bollard::errors::Error>,
        harmless: impl Fn(&bollard::errors::Error) -> bool,
    ) -> Result<(), RuntimeError> {
        match result {
            Ok(()) => Ok(()),
            Err(error) if harmless(&error) => Ok(()),
            Err(error) => Err(self.fault(what, error)),
        }
    }
}

/// One container a bot: where several carry its label, the one that is named as the worker names them. The others are left
/// to the cleanup, whatever they say that they were made from.
fn own_first(listed: Vec<ContainerSummary>) -> Vec<ContainerSeen> {
    let mut of_bot: HashMap<BotId, (bool, ContainerSeen)> = HashMap::with_capacity(listed.len());
    for summary in listed {
        let names = summary.names.clone().unwrap_or_default();
        let Some(seen) = from_summary(summary) else { continue };
        let end = format!("-{}", short_id(seen.bot));
        let own = names.iter().any(|name| name.starts_with("/clawplane-") && name.ends_with(&end));
        match of_bot.get(&seen.bot) {
            Some((true, _)) => {}
            Some((false, _)) if !own => {}
            _ => drop(of_bot.insert(seen.bot, (own, seen))),
        }
    }
    of_bot.into_values().map(|(_, seen)| seen).collect()
}

/// `None` for a container whose label is no bot's id: not made by us, whatever it says.
fn from_summary(summary: ContainerSummary) -> Option<ContainerSeen> {
    let labels = summary.labels.unwrap_or_default();
    let bot = labels.get(LABEL_BOT)?.parse().ok()?;
    let phase = match summary.state? {
        ContainerSummaryStateEnum::CREATED => Phase::Created,
        ContainerSummaryStateEnum::EXITED
        | ContainerSummaryStateEnum::DEAD
        | ContainerSummaryStateEnum::REMOVING => Phase::Exited,
        ContainerSummaryStateEnum::PAUSED => Phase::Paused,
        _ => Phase::Running,
    };
    let networks = summary.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    Some(ContainerSeen {
        id: summary.id?,
        bot,
        phase,
        exit_code: None,
        oom: false,
        error: None,
        restarts: 0,
        ip: address(networks.into_values().filter_map(|endpoint| endpoint.ip_address)),
        image: summary.image.unwrap_or_default(),
        spec_hash: labels.get(LABEL_SPEC).cloned().unwrap_or_default(),
    })
}

fn from_inspect(listed: ContainerSeen, inspected: ContainerInspectResponse) -> ContainerSeen {
    let state = inspected.state.unwrap_or_default();
    let phase = match state.status {
        Some(ContainerStateStatusEnum::CREATED) => Phase::Created,
        Some(
            ContainerStateStatusEnum::EXITED
            | ContainerStateStatusEnum::DEAD
            | ContainerStateStatusEnum::REMOVING,
        ) => Phase::Exited,
        Some(ContainerStateStatusEnum::PAUSED) => Phase::Paused,
        _ => Phase::Running,
    };
    let networks = inspected.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    ContainerSeen {
        phase,
        exit_code: state.exit_code.filter(|_| phase == Phase::Exited),
        oom: state.oom_killed.unwrap_or(false),
        error: state.error.filter(|error| !error.is_empty()),
        restarts: inspected.restart_count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
        ip: address(networks.into_values().filter_map(|endpoint| endpoint.ip_address)),
        ..listed
    }
}

fn address(addresses: impl Iterator<Item = String>) -> Option<IpAddr> {
    addresses.filter_map(|address| address.parse().ok()).find(|address: &IpAddr| !address.is_unspecified())
}
