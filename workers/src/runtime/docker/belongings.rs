//! A close look at everything of this installation.

use super::{
    DockerRuntime, errors,
    profile::{LABEL_BOT, LABEL_INSTANCE},
};
use crate::runtime::{
    RuntimeError,
    belongings::{Belongings, ContainerFacts, MountFacts, NetworkFacts, VolumeFacts},
};
use bollard::{
    models::{ContainerInspectResponse, HostConfig, NetworkInspect, Volume},
    query_parameters::{
        InspectContainerOptions, InspectNetworkOptions, ListContainersOptionsBuilder,
        ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveVolumeOptions,
    },
};
use clawplane_domain::{BotId, Timestamp, upkeep::LeftoverKind};
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::HashMap;

/// Things that are looked at at the same time.
const AT_ONCE: usize = 8;

impl DockerRuntime {
    pub(super) async fn look_at_all(&self) -> Result<Belongings, RuntimeError> {
        let label = format!("{LABEL_INSTANCE}={}", self.instance());
        let filters = HashMap::from([("label".to_owned(), vec![label])]);
        let client = self.client().await?;
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let listed = client.list_containers(Some(options)).await;
        let listed = listed.map_err(|error| self.fault("list containers", error))?;
        let containers =
            self.each("inspect a container", listed.into_iter().filter_map(|one| one.id), |id| {
                let client = client.clone();
                async move { client.inspect_container(&id, None::<InspectContainerOptions>).await }
            });
        let containers = containers.await?;
        let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
        let listed = client.list_networks(Some(options)).await;
        let listed = listed.map_err(|error| self.fault("list networks", error))?;
        let networks = self.each("inspect a network", listed.into_iter().filter_map(|one| one.id), |id| {
            let client = client.clone();
            async move { client.inspect_network(&id, None::<InspectNetworkOptions>).await }
        });
        let networks = networks.await?;
        let options = ListVolumesOptionsBuilder::default().filters(&filters).build();
        let volumes = client.list_volumes(Some(options)).await;
        let volumes = volumes.map_err(|error| self.fault("list volumes", error))?.volumes.unwrap_or_default();
        Ok(Belongings {
            containers: containers.into_iter().map(container).collect(),
            networks: networks.into_iter().map(network).collect(),
            volumes: volumes.into_iter().map(volume).collect(),
        })
    }

    /// Looks at each; what went away meanwhile is left out.
    async fn each<T, F>(
        &self,
        what: &'static str,
        ids: impl Iterator<Item = String>,
        look: impl Fn(String) -> F,
    ) -> Result<Vec<T>, RuntimeError>
    where
        F: Future<Output = Result<T, bollard::errors::Error>>,
    {
        let found = stream::iter(ids.map(look)).buffered(AT_ONCE).map(|one| match one {
            Ok(found) => Ok(Some(found)),
            Err(error) if errors::is_missing(&error) => Ok(None),
            Err(error) => Err(self.fault(what, error)),
        });
        found.try_filter_map(|found| async { Ok(found) }).try_collect().await
    }

    pub(super) async fn remove_one(&self, kind: LeftoverKind, id: &str) -> Result<(), RuntimeError> {
        let client = self.client().await?;
        match kind {
            LeftoverKind::Container => self.remove_container(id).await,
            LeftoverKind::Network => {
                let removed = client.remove_network(id).await;
                self.done_or("remove a network", removed, errors::is_missing)
            }
            LeftoverKind::Volume => {
                let removed = client.remove_volume(id, None::<RemoveVolumeOptions>).await;
                self.done_or("remove a volume", removed, errors::is_missing)
            }
            LeftoverKind::Folder => Err(RuntimeError::Other {
                what: "remove a leftover",
                message: "a folder is not the engine's".to_owned(),
            }),
        }
    }
}

fn time(text: Option<String>) -> Option<Timestamp> {
    Some(chrono::DateTime::parse_from_rfc3339(&text?).ok()?.to_utc())
}

fn bot(labels: &HashMap<String, String>) -> Option<BotId> {
    labels.get(LABEL_BOT)?.parse().ok()
}

fn container(seen: ContainerInspectResponse) -> ContainerFacts {
    let config = seen.config.unwrap_or_default();
    let host = seen.host_config.unwrap_or_default();
    let labels = config.labels.unwrap_or_default();
    let mounts = seen.mounts.unwrap_or_default().into_iter();
    let networks = seen.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    ContainerFacts {
        id: seen.id.unwrap_or_default(),
        name: seen.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        bot: bot(&labels),
        labels: labels.into_iter().collect(),
        created: time(seen.created),
        running: seen.state.and_then(|state| state.running).unwrap_or(false),
        image: config.image.unwrap_or_default(),
        user: config.user.unwrap_or_default(),
        published: published(&host),
        shares: shares(&host),
        cap_add: host.cap_add.unwrap_or_default(),
        cap_drop: host.cap_drop.unwrap_or_default(),
        security_opt: host.security_opt.unwrap_or_default(),
        privileged: host.privileged.unwrap_or(false),
        readonly_root: host.readonly_rootfs.unwrap_or(false),
        pids: host.pids_limit.unwrap_or(0),
        memory: host.memory.unwrap_or(0),
        memory_swap: host.memory_swap.unwrap_or(0),
        nano_cpus: host.nano_cpus.unwrap_or(0),
        devices: host.devices.map_or(0, |all| all.len()) + host.device_requests.map_or(0, |all| all.len()),
        mounts: mounts
            .map(|mount| MountFacts {
                kind: mount.typ.unwrap_or_default(),
                source: mount.source.unwrap_or_default(),
                target: mount.destination.unwrap_or_default(),
            })
            .filter(|mount| mount.kind != "tmpfs")
            .collect(),
        networks: {
            let mut names: Vec<_> = networks.into_keys().collect();
            names.sort();
            names
        },
    }
}

fn published(host: &HostConfig) -> Vec<String> {
    let bindings = host.port_bindings.iter().flatten().filter_map(|(_, all)| all.as_ref()).flatten();
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let mut all: Vec<_> =
        bindings.map(|one| format!("{}:{}", text(&one.host_ip), text(&one.host_port))).collect();
    if host.publish_all_ports == Some(true) {
        all.push("all".to_owned());
    }
    all
}

/// `private`, `shareable` and nothing at all are its own.
fn shares(host: &HostConfig) -> Vec<String> {
    let modes = [
        ("pid", host.pid_mode.as_deref()),
        ("ipc", host.ipc_mode.as_deref()),
        ("uts", host.uts_mode.as_deref()),
        ("userns", host.userns_mode.as_deref()),
        (
            "network",
            host.network_mode.as_deref().filter(|mode| *mode == "host" || mode.starts_with("container:")),
        ),
    ];
    let foreign = |mode: &str| mode == "host" || mode.starts_with("container:");
    let shared = modes
        .into_iter()
        .filter_map(|(what, mode)| mode.filter(|mode| foreign(mode)).map(|mode| (what, mode)));
    shared.map(|(what, mode)| format!("{what}={mode}")).collect()
}

fn network(seen: NetworkInspect) -> NetworkFacts {
    let labels = seen.labels.unwrap_or_default();
    NetworkFacts {
        id: seen.id.unwrap_or_default(),
        name: seen.name.unwrap_or_default(),
        bot: bot(&labels),
        created: time(seen.created),
        internal: seen.internal.unwrap_or(false),
        ipv6: seen.enable_ipv6.unwrap_or(false),
        members: seen.containers.unwrap_or_default().into_keys().collect(),
    }
}

fn volume(seen: Volume) -> VolumeFacts {
    VolumeFacts { bot: bot(&seen.labels), created: time(seen.created_at), name: seen.name }
}
