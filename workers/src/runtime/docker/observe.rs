//! Logs, counters and commands of containers, from a Docker engine.

use super::{DockerRuntime, errors, exec, networks::network_name};
use crate::runtime::{
    RuntimeError,
    observe::{Counters, ExecAsk, ExecEnd, LimitsSeen, LogAsk, LogChunk, NetworkSeen, Observe},
};
use async_trait::async_trait;
use bollard::{
    container::LogOutput,
    models::{ContainerBlkioStatEntry, ContainerMemoryStats, ContainerStatsResponse},
    query_parameters::{InspectContainerOptionsBuilder, LogsOptionsBuilder, StatsOptionsBuilder},
};
use clawplane_domain::BotId;
use futures::{StreamExt, stream, stream::BoxStream};

#[async_trait]
impl Observe for DockerRuntime {
    fn logs(&self, id: &str, ask: LogAsk) -> BoxStream<'static, Result<LogChunk, RuntimeError>> {
        let (this, id) = (self.clone(), id.to_owned());
        let opened = async move {
            let client = match this.client().await {
                Ok(client) => client,
                Err(error) => return stream::once(std::future::ready(Err(error))).boxed(),
            };
            let tail = ask.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
            let options = LogsOptionsBuilder::default().stdout(true).stderr(true).timestamps(true);
            let mut options = options.follow(ask.follow).tail(&tail);
            // Whole seconds are all that it takes; whoever asks looks at the times.
            if let Some(since) = ask.since.and_then(|since| i32::try_from(since.timestamp()).ok()) {
                options = options.since(since);
            }
            let chunks = client.logs(&id, Some(options.build()));
            let chunks = chunks.map(move |chunk| match chunk {
                Ok(LogOutput::StdErr { message }) => Ok(LogChunk { stderr: true, bytes: message }),
                Ok(chunk) => Ok(LogChunk { stderr: false, bytes: chunk.into_bytes() }),
                Err(error) => Err(this.fault("read a container's log", error)),
            });
            chunks.boxed()
        };
        stream::once(opened).flatten().boxed()
    }

    fn counters(&self, id: &str) -> BoxStream<'static, Result<Counters, RuntimeError>> {
        let (this, id) = (self.clone(), id.to_owned());
        let opened = async move {
            let client = match this.client().await {
                Ok(client) => client,
                Err(error) => return stream::once(std::future::ready(Err(error))).boxed(),
            };
            let samples = client.stats(&id, Some(StatsOptionsBuilder::default().stream(true).build()));
            let samples = samples.map(move |sample| match sample {
                Ok(sample) => Ok(counters(&sample)),
                Err(error) => Err(this.fault("read a container's figures", error)),
            });
            samples.boxed()
        };
        stream::once(opened).flatten().boxed()
    }

    async fn layer_bytes(&self, id: &str) -> Result<u64, RuntimeError> {
        let options = InspectContainerOptionsBuilder::default().size(true).build();
        let inspected = self.client().await?.inspect_container(id, Some(options)).await;
        let inspected = inspected.map_err(|error| self.fault("measure a container", error))?;
        Ok(inspected.size_rw.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0))
    }

    async fn exec(&self, id: &str, ask: ExecAsk) -> Result<ExecEnd, RuntimeError> {
        let client = self.client().await?;
        exec::run(&client, id, ask).await.map_err(|error| self.fault("run a command", error))
    }

    async fn network_of(&self, bot: BotId) -> Result<Option<NetworkSeen>, RuntimeError> {
        match self.client().await?.inspect_network(&network_name(bot), None).await {
            Ok(network) => {
                let mut configs = network.ipam.and_then(|ipam| ipam.config).unwrap_or_default().into_iter();
                let gateway = configs.find_map(|config| config.gateway?.parse().ok());
                Ok(Some(NetworkSeen { internal: network.internal == Some(true), gateway }))
            }
            Err(error) if errors::is_missing(&error) => Ok(None),
            Err(error) => Err(self.fault("inspect a network", error)),
        }
    }

    async fn limits_of(&self, id: &str) -> Result<LimitsSeen, RuntimeError> {
        let inspected = self.client().await?.inspect_container(id, None).await;
        let inspected = inspected.map_err(|error| self.fault("inspect a container", error))?;
        let host = inspected.host_config.unwrap_or_default();
        Ok(LimitsSeen {
            memory_bytes: host.memory.unwrap_or(0),
            nano_cpus: host.nano_cpus.unwrap_or(0),
            pids: host.pids_limit.unwrap_or(0),
        })
    }
}

fn counters(sample: &ContainerStatsResponse) -> Counters {
    let cpu = sample.cpu_stats.as_ref();
    let memory = sample.memory_stats.as_ref();
    let networks = sample.networks.iter().flat_map(|networks| networks.values());
    let sum = |of: fn(&bollard::models::ContainerNetworkStats) -> Option<u64>| {
        networks.clone().filter_map(of).sum()
    };
    let blocks = sample.blkio_stats.as_ref().and_then(|stats| stats.io_service_bytes_recursive.as_deref());
    Counters {
        cpu_nanos: cpu.and_then(|cpu| cpu.cpu_usage.as_ref()?.total_usage).unwrap_or(0),
        machine_nanos: cpu.and_then(|cpu| cpu.system_cpu_usage).unwrap_or(0),
        cores: cpu.and_then(|cpu| cpu.online_cpus).unwrap_or(1).max(1),
        memory_bytes: memory.map_or(0, resident),
        memory_limit_bytes: memory.and_then(|memory| memory.limit).unwrap_or(0),
        received_bytes: sum(|network| network.rx_bytes),
        sent_bytes: sum(|network| network.tx_bytes),
        read_bytes: bytes_of(blocks, "read"),
        written_bytes: bytes_of(blocks, "write"),
        pids: sample.pids_stats.as_ref().and_then(|pids| pids.current).unwrap_or(0),
    }
}

/// As `docker stats` counts: without the pages of files that the kernel can drop (cgroup v2, then v1).
fn resident(memory: &ContainerMemoryStats) -> u64 {
    let of = |name: &str| memory.stats.as_ref().and_then(|stats| stats.get(name).copied());
    let inactive = of("inactive_file").or_else(|| of("total_inactive_file")).unwrap_or(0);
    memory.usage.unwrap_or(0).saturating_sub(inactive)
}

fn bytes_of(entries: Option<&[ContainerBlkioStatEntry]>, what: &str) -> u64 {
    let of = |entry: &&ContainerBlkioStatEntry| {
        entry.op.as_deref().is_some_and(|op| op.eq_ignore_ascii_case(what))
    };
    entries.unwrap_or_default().iter().filter(of).filter_map(|entry| entry.value).sum()
}
