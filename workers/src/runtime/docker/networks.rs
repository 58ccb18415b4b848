//! Networks: one internal bridge a bot, which leads nowhere but to the host's address on it.

use super::{
    DockerRuntime, errors,
    firewall::BRIDGE,
    profile::{LABEL_INSTANCE, labels},
};
use crate::runtime::{BotNetwork, RuntimeError, short_id};
use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, NetworkInspect};
use clawplane_domain::{BotId, TenantId};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

/// Where a network's addresses come from once Docker's own pools (some thirty networks) are used up.
const POOL: [u8; 2] = [10, 213];
/// The pool is cut into networks of 16 addresses.
const NETWORKS: u32 = 1 << 12;
/// Places in the pool that are tried for one network.
const TRIES: u32 = 64;

/// The name of a bot's network.
pub(super) fn network_name(bot: BotId) -> String {
    format!("clawplane-{}", short_id(bot))
}

/// The names that a bot's bridge may have, the usual one first. With the id that is 15 characters, the longest there is,
/// so in the others a letter that no id has stands for its last digit.
fn bridges(bot: BotId) -> impl Iterator<Item = String> {
    let id = short_id(bot);
    let others = ('g'..='n').map({
        let stem = id.get(..id.len().saturating_sub(1)).unwrap_or_default().to_owned();
        move |letter| format!("{BRIDGE}{stem}{letter}")
    });
    std::iter::once(format!("{BRIDGE}{id}")).chain(others)
}

/// Whether a bridge of the bot's network is on this machine: however its engine is reached, only then the machine's own
/// firewall stands before it.
pub(super) fn is_on_this_machine(bot: BotId) -> bool {
    bridges(bot).any(|bridge| Path::new("/sys/class/net").join(bridge).exists())
}

impl DockerRuntime {
    pub(super) async fn network(&self, bot: BotId, tenant: TenantId) -> Result<BotNetwork, RuntimeError> {
        if let Some(network) = self.find_network(bot).await? {
            return Ok(network);
        }
        self.make_network_anyhow(bot, tenant).await?;
        self.find_network(bot).await?.ok_or_else(|| RuntimeError::Other {
            what: "make a network",
            message: "it is gone again".to_owned(),
        })
    }

    async fn find_network(&self, bot: BotId) -> Result<Option<BotNetwork>, RuntimeError> {
        let name = network_name(bot);
        match self.client().await?.inspect_network(&name, None).await {
            Ok(network) => self.usable(&name, &network).map(Some),
            Err(error) if errors::is_missing(&error) => Ok(None),
            Err(error) => Err(self.fault("inspect a network", error)),
        }
    }

    /// Its addresses. A network that leads out, or is not ours, must not carry a bot.
    fn usable(&self, name: &str, network: &NetworkInspect) -> Result<BotNetwork, RuntimeError> {
        let problem = |message: String| RuntimeError::Other { what: "use a network", message };
        let ours = network.labels.as_ref().and_then(|labels| labels.get(LABEL_INSTANCE));
        if ours.map(String::as_str) != Some(self.instance()) {
            return Err(problem(format!("{name} is there already and is not this installation's")));
        }
        if network.internal != Some(true) {
            return Err(problem(format!("{name} is not internal; remove it, and it will be made anew")));
        }
        addresses_of(network).ok_or_else(|| problem(format!("{name} has no IPv4 gateway")))
    }

    /// An engine that died while it made a network may hold on to the bridge's name for a network that it does not know any
    /// more, and that nobody can remove. Then the bridge has to be called otherwise.
    async fn make_network_anyhow(&self, bot: BotId, tenant: TenantId) -> Result<(), RuntimeError> {
        let mut last = Ok(());
        for bridge in bridges(bot) {
            last = self.make_network(bot, tenant, &bridge).await;
            match &last {
                Err(error) if message_of(error).contains("same bridge name") => {
                    tracing::warn!(%error, "the engine lost a network and keeps its bridge's name; another one is taken");
                }
                _ => break,
            }
        }
        last
    }

    async fn make_network(&self, bot: BotId, tenant: TenantId, bridge: &str) -> Result<(), RuntimeError> {
        let Err(error) = self.try_network(bot, tenant, bridge, None).await else { return Ok(()) };
        if !is_exhausted(&error) {
            return Err(error);
        }
        let mut last = error;
        for (subnet, gateway) in places(bot) {
            match self.try_network(bot, tenant, bridge, Some((subnet, gateway))).await {
                Ok(()) => return Ok(()),
                Err(error) if overlaps(&error) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    async fn try_network(
        &self,
        bot: BotId,
        tenant: TenantId,
        bridge: &str,
        place: Option<(String, String)>,
    ) -> Result<(), RuntimeError> {
        let ipam = place.map(|(subnet, gateway)| Ipam {
            config: Some(vec![IpamConfig {
                subnet: Some(subnet),
                gateway: Some(gateway),
                ..IpamConfig::default()
            }]),
            ..Ipam::default()
        });
        let request = NetworkCreateRequest {
            name: network_name(bot),
            driver: Some("bridge".to_owned()),
            internal: Some(true),
            attachable: Some(false),
            enable_ipv6: Some(false),
            ipam,
            // The firewall knows the bots' bridges by it.
            options: Some(HashMap::from([("com.docker.network.bridge.name".to_owned(), bridge.to_owned())])),
            labels: Some(labels(self.instance(), &bot.to_string(), &tenant.to_string(), None)),
            ..NetworkCreateRequest::default()
        };
        let made = self.client().await?.create_network(request).await.map(|_| ());
        // Made meanwhile: whether it is ours is looked at afterwards.
        let exists = |error: &bollard::errors::Error| {
            matches!(error, bollard::errors::Error::DockerResponseServerError { status_code: 409, .. })
        };
        self.done_or("make a network", made, exists)
    }

    pub(super) async fn drop_network(&self, bot: BotId) -> Result<(), RuntimeError> {
        let name = network_name(bot);
        let removed = self.client().await?.remove_network(&name).await;
        self.done_or("remove a network", removed, errors::is_missing)
    }
}

fn addresses_of(network: &NetworkInspect) -> Option<BotNetwork> {
    let configs = network.ipam.as_ref()?.config.as_ref()?;
    configs.iter().find_map(|config| {
        let (subnet, prefix) = config.subnet.as_deref()?.split_once('/')?;
        let subnet: Ipv4Addr = subnet.parse().ok()?;
        let given = config.gateway.as_deref().and_then(|text| text.split('/').next()?.parse().ok());
        // Some engines leave it out for internal networks; the bridge has the first address all the same.
        let gateway: Ipv4Addr = match given {
            Some(given) => given,
            None => Ipv4Addr::from_bits(subnet.to_bits().checked_add(1)?),
        };
        Some(BotNetwork { gateway: IpAddr::V4(gateway), prefix: prefix.parse().ok()? })
    })
}

fn message_of(error: &RuntimeError) -> &str {
    match error {
        RuntimeError::Other { message, .. } | RuntimeError::Conflict { message } => message,
        _ => "",
    }
}

/// "could not find an available, non-overlapping IPv4 address pool", "all predefined address pools have been fully subnetted"
fn is_exhausted(error: &RuntimeError) -> bool {
    let message = message_of(error);
    message.contains("available, non-overlapping") || message.contains("fully subnetted")
}

/// "Pool overlaps with other one on this address space", "invalid pool request: ..."
fn overlaps(error: &RuntimeError) -> bool {
    let message = message_of(error);
    message.contains("overlaps") || message.contains("pool request")
}

/// Places in our own pool for a bot's network: the first by its id, then the next ones.
fn places(bot: BotId) -> impl Iterator<Item = (String, String)> {
    let first = u32::try_from(bot.0.as_u128() % u128::from(NETWORKS)).unwrap_or(0);
    (0..TRIES).map(move |step| {
        let base = Ipv4Addr::new(POOL[0], POOL[1], 0, 0).to_bits() + ((first + step) % NETWORKS) * 16;
        (format!("{}/28", Ipv4Addr::from_bits(base)), Ipv4Addr::from_bits(base + 1).to_string())
    })
}
