//! `openclaw.json`: what OpenClaw is told of its gateway, its models and nothing else.
//!
//! Its schema is strict (an unknown key stops the start), so every key here was tried with OpenClaw 2026.9.6.
//! Models are reached through the proxy only, with the bot's gateway token; no vendor's key is in it.

use crate::{docker_worker::DesiredBot, runtime::GATEWAY_PORT};
use clawplane_domain::values::VendorId;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;

/// What is said of a model, of which nothing is known but its name. OpenClaw wants a number; the vendor has the
/// last word on what it really takes.
const CONTEXT_WINDOW: u32 = 128_000;
/// Most output tokens that are asked for.
const MAX_TOKENS: u32 = 8192;

/// How OpenClaw speaks to a vendor: the name of its adapter, and what follows `/api/v1/<vendor>` in the base URL.
///
/// Its adapters differ in what they append: `/v1/messages` for Anthropic's, `/models/...` for Google's (which
/// therefore wants the version in the base URL), `/api/chat` for Ollama's, `/chat/completions` for the others.
pub fn adapter(vendor: &VendorId) -> (&'static str, &'static str) {
    match vendor.as_str() {
        "anthropic" => ("anthropic-messages", ""),
        "google" => ("google-generative-ai", "/v1beta"),
        "ollama" => ("ollama", ""),
        _ => ("openai-completions", ""),
    }
}

/// The provider's id in OpenClaw: one of our own, since its built-in ones bring their own addresses.
fn provider_id(vendor: &VendorId) -> String {
    format!("{vendor}-proxy")
}

/// The configuration of a bot that reaches the proxy at `proxy`. `token` is its gateway token.
pub fn openclaw(bot: &DesiredBot, token: &str, proxy: SocketAddr) -> Value {
    let mut config = json!({
        "gateway": {
            "mode": "local",
            "port": GATEWAY_PORT,
            "bind": "lan",
            "auth": { "mode": "token", "token": token },
            "controlUi": { "allowedOrigins": [
                format!("http://127.0.0.1:{}", bot.port),
                format!("http://localhost:{}", bot.port),
            ] },
            "http": { "endpoints": { "chatCompletions": { "enabled": true } } },
        },
        "models": {
            "mode": "replace",
            "providers": providers(bot, token, proxy),
            "catalogRefresh": { "enabled": false },
        },
        "agents": { "defaults": {
            "workspace": "/home/node/.openclaw/workspace",
            "blockStreamingDefault": "off",
        } },
        "session": { "dmScope": "per-channel-peer" },
        // A bot's network has no way out but the proxy: what would ask the world only waits for its own time-out.
        "update": { "checkOnStart": false },
        "telemetry": { "enabled": false },
        "discovery": { "mdns": { "mode": "off" } },
        "browser": { "enabled": false },
    });
    if let Some(first) = bot.models.first() {
        let primary = format!("{}/{}", provider_id(&first.vendor), first.model);
        config["agents"]["defaults"]["model"] = json!({ "primary": primary });
    }
    config
}

fn providers(bot: &DesiredBot, token: &str, proxy: SocketAddr) -> Value {
    let mut providers = Map::new();
    for choice in &bot.models {
        let (api, version) = adapter(&choice.vendor);
        let provider = providers.entry(provider_id(&choice.vendor)).or_insert_with(|| {
            json!({
                "baseUrl": format!("http://{proxy}/api/v1/{}{version}", choice.vendor),
                "apiKey": token,
                "api": api,
                "models": [],
            })
        });
        if let Some(models) = provider["models"].as_array_mut() {
            models.push(json!({
                "id": choice.model,
                "name": choice.model,
                "input": ["text"],
                "contextWindow": CONTEXT_WINDOW,
                "maxTokens": MAX_TOKENS,
            }));
        }
    }
    Value::Object(providers)
}

#[cfg(test)]
mod tests;
