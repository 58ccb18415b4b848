//! From a bot to its container: specification, config file, and the digest that tells whether either has changed.

use super::{DesiredBot, DockerWorkerConfig};
use crate::{
    runtime::{ContainerSpec, GATEWAY_PORT, docker::profile::STATE_DIR, short_id},
    workspace::Workspaces,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::net::{IpAddr, SocketAddr};

/// Part of the memory limit that V8's heap may take, in percent: the rest is for buffers, code and stacks. Without it
/// Node takes a heap that the limit does not carry.
const HEAP_PERCENT: u32 = 70;
/// Raised when the same specification has to give another container.
const EDITION: u32 = 2;

/// Where a bot on a network with this gateway finds the proxy.
pub(super) fn proxy_seen_by(gateway: IpAddr, config: &DockerWorkerConfig) -> SocketAddr {
    SocketAddr::new(gateway, config.egress_port)
}

/// What the bot's container has to be made from.
pub(super) fn container(
    bot: &DesiredBot,
    gateway: IpAddr,
    config: &DockerWorkerConfig,
    workspaces: &Workspaces,
) -> ContainerSpec {
    let mut spec = ContainerSpec {
        bot: bot.id,
        tenant: bot.tenant_id,
        name: format!("clawplane-{}-{}", bot.hostname, short_id(bot.id)),
        image: bot.image_now().unwrap_or(&config.default_image).clone(),
        command: config.command.clone(),
        env: environment(bot, gateway, config),
        user: workspaces.owner().for_container(),
        limits: bot.limits,
        state_dir: workspaces.state_dir(bot.id),
        spec_hash: String::new(),
    };
    // Without the token: a new one reaches the container that is there.
    let file = bot.platform().config("", &proxy_seen_by(gateway, config).to_string());
    // Without the name: a bot that is renamed keeps its container.
    let nameless = ContainerSpec { name: String::new(), ..spec.clone() };
    spec.spec_hash = digest(&(EDITION, nameless, file, bot.life.generation, &bot.life.features));
    spec
}

/// Its owner's variables, and behind them the platform's, which count where a name is there twice.
fn environment(bot: &DesiredBot, gateway: IpAddr, config: &DockerWorkerConfig) -> Vec<String> {
    let heap = u64::from(bot.limits.memory_mib) * u64::from(HEAP_PERCENT) / 100;
    let own = bot.life.environment.iter().map(|(name, value)| format!("{name}={value}"));
    let ours = [
        "HOME=/home/node".to_owned(),
        "OPENCLAW_HOME=/home/node".to_owned(),
        format!("OPENCLAW_STATE_DIR={STATE_DIR}"),
        format!("OPENCLAW_CONFIG_PATH={STATE_DIR}/openclaw.json"),
        format!("OPENCLAW_WORKSPACE_DIR={STATE_DIR}/workspace"),
        format!("OPENCLAW_GATEWAY_PORT={GATEWAY_PORT}"),
        format!("NODE_OPTIONS=--max-old-space-size={heap}"),
    ];
    let mut env: Vec<String> = own.chain(ours).collect();
    // Whether there is a list, not what is on it: a change of it then needs no new container.
    if !bot.egress.is_empty() {
        env.extend(web(gateway, config.web_port()));
    }
    env
}

/// The way to the web as programs look for it. Node does so only when told (since 22.21 and 24.5).
fn web(gateway: IpAddr, port: u16) -> Vec<String> {
    let proxy = format!("http://{}", SocketAddr::new(gateway, port));
    let none = format!("localhost,127.0.0.1,::1,{gateway}");
    let both =
        |name: &str, value: &str| [format!("{name}={value}"), format!("{}={value}", name.to_lowercase())];
    let pairs = [both("HTTP_PROXY", &proxy), both("HTTPS_PROXY", &proxy), both("NO_PROXY", &none)];
    pairs.into_iter().flatten().chain(["NODE_USE_ENV_PROXY=1".to_owned()]).collect()
}

fn digest(value: &impl Serialize) -> String {
    // Maps are ordered and every key is a string, so this cannot fail; an empty text would only mean a replacement.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    hex::encode(&Sha256::digest(&bytes)[..16])
}
