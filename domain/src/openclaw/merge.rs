//! The platform's keys put into a text that somebody else wrote: what differs is changed in place, all else keeps every byte.

use super::check::{Fault, form};
use super::platform::Platform;
use super::{PROXY, TOKEN};
use jsonc_parser::{
    ParseOptions,
    cst::{CstInputValue, CstObject, CstRootNode},
    errors::ParseError,
};
use serde_json::{Map, Value};

/// Keys of `gateway` that are people's; all others are the platform's, known or not.
pub(super) const GATEWAY_OF_PEOPLE: &[&str] = &["reload", "tools"];

/// JSON5 as OpenClaw reads it; it wants its commas.
fn options() -> ParseOptions {
    ParseOptions { allow_missing_commas: false, ..ParseOptions::default() }
}

pub(super) fn parsed(text: &str) -> Result<CstRootNode, ParseError> {
    CstRootNode::parse(text, &options())
}

/// The text with the platform's keys as they are now (its token and address as placeholders), and all else as it was.
///
/// Fails for a text that is not well-formed (see [`Fault`]): nobody can say what OpenClaw would make of it.
pub fn renewed(text: &str, platform: Platform<'_>) -> Result<String, Vec<Fault>> {
    let root = form(text)?;
    let config = platform.config(TOKEN, PROXY);
    let top = root.object_value_or_set();
    if let Some(gateway) = config["gateway"].as_object() {
        sync(&object(&top, "gateway"), gateway, GATEWAY_OF_PEOPLE);
    }
    let models = object(&top, "models");
    set(&models, "mode", &config["models"]["mode"]);
    if let Some(providers) = config["models"]["providers"].as_object() {
        sync(&object(&models, "providers"), providers, &[]);
    }
    let defaults = object(&object(&top, "agents"), "defaults");
    set(&defaults, "workspace", &config["agents"]["defaults"]["workspace"]);
    keep_primary(&defaults, platform);
    Ok(root.to_string())
}

/// A primary model of ours that the bot has no more would leave it without one.
fn keep_primary(defaults: &CstObject, platform: Platform<'_>) {
    let Some(primary) = platform.primary() else { return };
    let Some(model) = defaults.get("model") else { return };
    let gone = |value: Option<Value>| {
        let named = value.as_ref().and_then(Value::as_str).unwrap_or_default();
        let ours = named.split_once('/').is_some_and(|(provider, _)| provider.ends_with("-proxy"));
        ours && !platform.names().any(|name| name == named)
    };
    match model.object_value() {
        Some(object) => {
            let chosen = object.get("primary").filter(|chosen| gone(chosen.to_serde_value()));
            if let Some(chosen) = chosen {
                chosen.set_value(primary.into());
            }
        }
        None if gone(model.to_serde_value()) => model.set_value(primary.into()),
        None => {}
    }
}

/// The object of that name, in the place of whatever else has it.
fn object(parent: &CstObject, name: &str) -> CstObject {
    parent.object_value_or_set(name)
}

fn set(parent: &CstObject, name: &str, wanted: &Value) {
    match parent.get(name) {
        None => {
            parent.append(name, input(wanted));
        }
        Some(found) if found.to_serde_value().as_ref() == Some(wanted) => {}
        Some(found) => found.set_value(input(wanted)),
    }
}

/// Makes `object` have just these keys, and those in `kept`.
fn sync(object: &CstObject, wanted: &Map<String, Value>, kept: &[&str]) {
    for found in object.properties() {
        let name = found.decoded_name().unwrap_or_default();
        if !wanted.contains_key(&name) && !kept.contains(&name.as_str()) {
            found.remove();
        }
    }
    for (name, value) in wanted {
        let inner = object.get(name).and_then(|found| found.object_value());
        match (value.as_object(), inner) {
            (Some(wanted), Some(inner)) => sync(&inner, wanted, &[]),
            _ => set(object, name, value),
        }
    }
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(value) => CstInputValue::Number(value.to_string()),
        Value::String(value) => CstInputValue::String(value.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(fields) => {
            CstInputValue::Object(fields.iter().map(|(name, value)| (name.clone(), input(value))).collect())
        }
    }
}
