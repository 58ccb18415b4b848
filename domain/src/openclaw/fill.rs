//! From a stored configuration to a bot's file and back: the gateway token and the proxy's address stand in the file only.

use super::{merge, token};
use jsonc_parser::cst::CstInputValue;

/// Stands for the bot's gateway token.
pub const TOKEN: &str = "<gateway token>";
/// Stands for the proxy's address on the bot's network.
pub const PROXY: &str = "<proxy>";

/// What takes the placeholders' places.
#[derive(Clone, Copy)]
pub struct Filling<'a> {
    /// The gateway token in plain text.
    pub token: &'a str,
    /// The proxy's `host:port` on the bot's network.
    pub proxy: &'a str,
}

/// The text of the bot's file.
pub fn fill(text: &str, with: Filling<'_>) -> String {
    let address = format!("http://{}/api/v1/", with.proxy);
    text.replace(TOKEN, with.token).replace(&format!("http://{PROXY}/api/v1/"), &address)
}

/// The text of a bot's file as it may be stored and shown: every gateway token in it is a placeholder, and so is the
/// proxy's address where it is that of a provider. What is no JSON5 has its tokens masked.
pub fn masked(file: &str) -> String {
    let text = token::replaced(file, TOKEN).unwrap_or_else(|| file.to_owned());
    without_addresses(&text).unwrap_or(text)
}

fn without_addresses(text: &str) -> Option<String> {
    let root = merge::parsed(text).ok()?;
    let providers = root.object_value()?.object_value("models")?.object_value("providers")?;
    for provider in providers.properties() {
        let Some(url) = provider.object_value().and_then(|provider| provider.get("baseUrl")) else {
            continue;
        };
        let Some(value) = url.value().and_then(|value| value.as_string_lit()) else { continue };
        let Some(path) = value.decoded_value().ok().and_then(|url| path_at_proxy(&url)) else { continue };
        url.set_value(CstInputValue::String(format!("http://{PROXY}/api/v1/{path}")));
    }
    Some(root.to_string())
}

/// What follows `/api/v1/` at an address that is a number and a port, as the proxy's is on every bot's network.
fn path_at_proxy(url: &str) -> Option<String> {
    let (address, path) = url.strip_prefix("http://")?.split_once("/api/v1/")?;
    address.parse::<std::net::SocketAddr>().ok()?;
    Some(path.to_owned())
}
