//! What the platform itself says in `openclaw.json`: how the bot's gateway is reached, and its way to its models.
//!
//! Its schema is strict (an unknown key stops the start), so every key here was tried with OpenClaw 2026.9.6.
//! Models are reached through the proxy only, with the bot's gateway token; no vendor's key is in it.

use crate::{bot::ModelChoice, values::VendorId};
use serde_json::{Map, Value, json};

/// The port that OpenClaw's gateway listens on inside of its container.
pub const GATEWAY_PORT: u16 = 18789;
/// Where the bot finds its workspace inside of its container.
pub const WORKSPACE: &str = "/home/node/.openclaw/workspace";
/// What is said of a model, of which nothing is known but its name. OpenClaw wants a number; the vendor has the
/// last word on what it really takes.
const CONTEXT_WINDOW: u32 = 128_000;
/// Most output tokens that are asked for.
const MAX_TOKENS: u32 = 8192;

/// What of a bot stands in its configuration.
#[derive(Clone, Copy, Debug)]
pub struct Platform<'a> {
    /// Its loopback port on the host.
    pub port: u16,
    /// The models it may use; the first is its primary one.
    pub models: &'a [ModelChoice],
}

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

impl Platform<'_> {
    /// The configuration of a new bot that presents `token` to the proxy at `proxy` (`host:port`).
    ///
    /// `gateway`, `models` and the workspace's place stay the platform's; the rest is what it starts with.
    pub fn config(&self, token: &str, proxy: &str) -> Value {
        let mut config = json!({
            "gateway": {
                "mode": "local",
                "port": GATEWAY_PORT,
                "bind": "lan",
                "auth": { "mode": "token", "token": token },
                "controlUi": { "allowedOrigins": [
                    format!("http://127.0.0.1:{}", self.port),
                    format!("http://localhost:{}", self.port),
                ] },
                "http": { "endpoints": { "chatCompletions": { "enabled": true } } },
            },
            "models": {
                "mode": "replace",
                "providers": self.providers(token, proxy),
                "catalogRefresh": { "enabled": false },
            },
            "agents": { "defaults": {
                "workspace": WORKSPACE,
                "blockStreamingDefault": "off",
            } },
            "session": { "dmScope": "per-channel-peer" },
            // A bot's network has no way out but the proxy: what would ask the world only waits for its own time-out.
            "update": { "checkOnStart": false },
            "telemetry": { "enabled": false },
            "discovery": { "mdns": { "mode": "off" } },
            "browser": { "enabled": false },
        });
        if let Some(primary) = self.primary() {
            config["agents"]["defaults"]["model"] = json!({ "primary": primary });
        }
        config
    }

    /// The first model as OpenClaw names it.
    pub fn primary(&self) -> Option<String> {
        self.names().next()
    }

    /// All models as OpenClaw names them.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.models.iter().map(|choice| format!("{}/{}", provider_id(&choice.vendor), choice.model))
    }

    fn providers(&self, token: &str, proxy: &str) -> Value {
        let mut providers = Map::new();
        for choice in self.models {
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
}

#[cfg(test)]
mod tests;
