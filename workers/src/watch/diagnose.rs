//! What is wrong with a bot, as far as its machine can tell: container, limits, network, gateway, configuration.

use crate::{
    docker_worker::EGRESS_PORT,
    hosts::Host,
    runtime::{ContainerSeen, GATEWAY_PORT, Phase, RuntimeError},
};
use clawplane_domain::{
    BotId, Secret,
    bot::{Desired, Limits},
};
use serde_json::Value;
use std::net::SocketAddr;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// It may work, and may not for long.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Stable: `container`, `limits`, `network`, `egress`, `gateway`, `config`.
    pub name: &'static str,
    /// How it went.
    pub status: CheckStatus,
    /// What was seen, for people.
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// What the bot should be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Whether it should run.
    pub desired: Desired,
    /// Its limits.
    pub limits: Limits,
    /// Its gateway token.
    pub token: Option<Secret>,
    /// The vendors of its models.
    pub vendors: Vec<String>,
}

fn ok(name: &'static str, detail: impl Into<String>) -> Check {
    Check { name, status: CheckStatus::Ok, detail: detail.into(), remedy: None }
}

fn wrong(name: &'static str, status: CheckStatus, detail: impl Into<String>, remedy: &str) -> Check {
    Check { name, status, detail: detail.into(), remedy: Some(remedy.to_owned()) }
}

const WARN: CheckStatus = CheckStatus::Warn;
const FAIL: CheckStatus = CheckStatus::Fail;

/// The bot's machine cannot be asked.
pub(super) fn no_host(error: &RuntimeError) -> Check {
    wrong("container", FAIL, error.to_string(), "see that the container engine of the bot's host runs")
}

pub(super) async fn all(host: &Host, bot: BotId, wanted: Wanted) -> Vec<Check> {
    let seen = match host.runtime.inspect(bot).await {
        Ok(seen) => seen,
        Err(error) => return vec![no_host(&error)],
    };
    let mut checks = vec![container(seen.as_ref(), &wanted)];
    if let Some(seen) = &seen {
        checks.push(limits(host, seen, &wanted).await);
    }
    checks.extend(network(host, bot, seen.as_ref(), &wanted).await);
    if let Some(seen) = seen.as_ref().filter(|seen| seen.phase == Phase::Running) {
        checks.push(gateway(host, seen, &wanted).await);
    }
    checks.push(config(host, bot, &wanted).await);
    checks
}

fn container(seen: Option<&ContainerSeen>, wanted: &Wanted) -> Check {
    let runs = wanted.desired == Desired::Running;
    let Some(seen) = seen else {
        return match runs {
            true => wrong(
                "container",
                FAIL,
                "there is no container",
                "the worker makes one within 30 s; its reason stands in the bot's `reason`",
            ),
            false => ok("container", "there is none, as wanted"),
        };
    };
    let restarts = format!("restarts: {}", seen.restarts);
    match (seen.phase, runs) {
        (Phase::Running, true) if seen.restarts > 0 => wrong(
            "container",
            WARN,
            format!("it runs; {restarts}"),
            "read the log from before the last restart",
        ),
        (Phase::Running, true) => ok("container", "it runs"),
        (Phase::Running, false) => {
            wrong("container", WARN, "it runs and should not", "the worker stops it; wait a moment")
        }
        (_, false) => ok("container", "it does not run, as wanted"),
        (_, true) if seen.oom => wrong(
            "container",
            FAIL,
            "it used more memory than its limit and was ended",
            "give the bot more memory (`limits.memoryMib`)",
        ),
        (_, true) => {
            let code = seen.exit_code.map_or_else(|| "unknown".to_owned(), |code| code.to_string());
            let why = seen.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
            wrong(
                "container",
                FAIL,
                format!("it ended with exit code {code}{why}; {restarts}"),
                "read its log; start it again once the cause is gone",
            )
        }
    }
}

async fn limits(host: &Host, seen: &ContainerSeen, wanted: &Wanted) -> Check {
    let found = match host.runtime.limits_of(&seen.id).await {
        Ok(found) => found,
        Err(error) => return wrong("limits", WARN, error.to_string(), "try again"),
    };
    let expected = wanted.limits;
    let same = found.memory_bytes == i64::from(expected.memory_mib) << 20
        && found.nano_cpus == i64::from(expected.cpu_millis) * 1_000_000
        && found.pids == i64::from(expected.pids);
    let detail = format!(
        "memory {} MiB, CPU {} thousandths of a core, {} processes",
        found.memory_bytes >> 20,
        found.nano_cpus / 1_000_000,
        found.pids
    );
    match same {
        true => ok("limits", detail),
        false => wrong(
            "limits",
            FAIL,
            format!("not those of the bot: {detail}"),
            "stop and start the bot: its container is made anew",
        ),
    }
}

async fn network(host: &Host, bot: BotId, seen: Option<&ContainerSeen>, wanted: &Wanted) -> Vec<Check> {
    let runs = wanted.desired == Desired::Running;
    let network = match host.runtime.network_of(bot).await {
        Ok(Some(network)) => network,
        Ok(None) if !runs => return vec![ok("network", "there is none, as wanted")],
        Ok(None) => {
            return vec![wrong(
                "network",
                FAIL,
                "the bot has no network",
                "start the bot again: its network is made anew",
            )];
        }
        Err(error) => return vec![wrong("network", WARN, error.to_string(), "try again")],
    };
    if !network.internal {
        return vec![wrong(
            "network",
            FAIL,
            "the bot's network leads out",
            "stop the bot, remove the network, start the bot",
        )];
    }
    let mut checks = vec![match seen {
        Some(seen) if seen.phase == Phase::Running && seen.ip.is_none() => {
            wrong("network", FAIL, "the container has no address on its network", "stop and start the bot")
        }
        _ => ok("network", "internal, and the bot is on it"),
    }];
    if let (Some(gateway), true) = (network.gateway, runs) {
        let egress = SocketAddr::new(gateway, EGRESS_PORT);
        checks.push(match host.runtime.dial(egress).await {
            Ok(_) => ok("egress", "the way to the proxy is open"),
            Err(error) => wrong(
                "egress",
                FAIL,
                format!("the way to the proxy is closed: {error}"),
                "see that the worker of the bot's host runs",
            ),
        });
    }
    checks
}

async fn gateway(host: &Host, seen: &ContainerSeen, wanted: &Wanted) -> Check {
    let Some(ip) = seen.ip else {
        return wrong("gateway", FAIL, "it has no address", "stop and start the bot");
    };
    let address = SocketAddr::new(ip, GATEWAY_PORT);
    if let Err(why) = host.runtime.probe(address).await {
        return wrong("gateway", FAIL, why, "read the bot's log; it may still be starting");
    }
    let Some(token) = &wanted.token else {
        return wrong("gateway", FAIL, "it answers, and the bot has no token", "rotate the bot's token");
    };
    match host.runtime.takes_token(address, token).await {
        Ok(true) => ok("gateway", "it answers and takes the bot's token"),
        Ok(false) => wrong(
            "gateway",
            FAIL,
            "it answers and refuses the bot's token",
            "see that `gateway.auth.token` stands in `openclaw.json`, and restart the bot",
        ),
        Err(why) => wrong("gateway", WARN, why, "try again"),
    }
}

async fn config(host: &Host, bot: BotId, wanted: &Wanted) -> Check {
    const REMEDY: &str = "repair `openclaw.json`, or remove it: the platform writes it at the next start";
    let text = match host.workspaces.config(bot).await {
        Ok(Some(text)) => text,
        Ok(None) if wanted.desired != Desired::Running => return ok("config", "not written yet"),
        Ok(None) => return wrong("config", FAIL, "there is no `openclaw.json`", "start the bot again"),
        Err(error) => return wrong("config", FAIL, error.to_string(), REMEDY),
    };
    match json5::from_str::<Value>(&text) {
        Ok(value) => match missing(&value, wanted) {
            missing if missing.is_empty() => ok("config", "it can be read and has the platform's keys"),
            missing => wrong("config", WARN, format!("without {}", missing.join(", ")), REMEDY),
        },
        // Its message would quote the file, and the token with it.
        Err(_) => wrong("config", FAIL, "`openclaw.json` is not JSON5", REMEDY),
    }
}

/// What the platform writes and is not there (any more).
fn missing(config: &Value, wanted: &Wanted) -> Vec<String> {
    let mut missing = Vec::new();
    if config.pointer("/gateway/port").and_then(Value::as_u64) != Some(u64::from(GATEWAY_PORT)) {
        missing.push(format!("`gateway.port` {GATEWAY_PORT}"));
    }
    let token = config.pointer("/gateway/auth/token").and_then(Value::as_str);
    if wanted.token.as_ref().is_some_and(|wanted| token != Some(wanted.expose())) {
        missing.push("the bot's token in `gateway.auth.token`".to_owned());
    }
    for vendor in &wanted.vendors {
        let provider = config
            .pointer("/models/providers")
            .and_then(|providers| providers.get(format!("{vendor}-proxy")));
        if provider.and_then(|provider| provider.get("baseUrl")).is_none() {
            missing.push(format!("`models.providers.{vendor}-proxy`"));
        }
    }
    missing
}

#[cfg(test)]
mod tests;
