//! What a person may save: well-formed JSON5 that leaves the platform's keys alone and holds no secret.

mod secrets;

use super::{
    ConfigText, PROXY, TOKEN,
    merge::{self, GATEWAY_OF_PEOPLE, renewed},
    platform::Platform,
    text::MAX_CONFIG,
    token,
};
use jsonc_parser::cst::{CstNode, CstObject, CstRootNode, ObjectPropName};
use serde_json::Value;

/// The deepest nesting of objects and lists.
pub const MAX_DEPTH: usize = 64;
/// Most faults that are told at once.
const MAX_FAULTS: usize = 20;
/// Names with which a text could mean something else to OpenClaw than to whoever checks it.
const TREACHEROUS: &[&str] = &["__proto__", "constructor", "prototype"];

/// Something in a configuration that cannot stay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` {message}")]
pub struct Fault {
    /// Where: `gateway.auth.token`, `agents.list[0].model`; empty for the whole text.
    pub path: String,
    /// What it must be or must not be, for people. Never repeats what is there.
    pub message: String,
}

impl Fault {
    fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// How OpenClaw takes a change of its file while it runs (`gateway.reload.mode`). `false`: not without a restart.
pub fn reload(text: &str) -> bool {
    let mode = merge::parsed(text).ok().and_then(|root| root.to_serde_value());
    mode.is_none_or(|config| config.pointer("/gateway/reload/mode") != Some(&Value::from("off")))
}

/// The text as it is stored: gateway tokens in it are placeholders, and the platform's keys are in it.
pub fn checked(text: &str, platform: Platform<'_>) -> Result<ConfigText, Vec<Fault>> {
    if text.len() > MAX_CONFIG {
        return Err(vec![Fault::new("", format!("must have at most {MAX_CONFIG} bytes"))]);
    }
    let text = token::replaced(text, TOKEN).unwrap_or_else(|| text.to_owned());
    let root = form(&text)?;
    let mut faults = secrets::in_text(&text);
    if let Some(value) = root.value() {
        secrets::in_value(&value, &mut faults);
    }
    if let Some(top) = root.object_value() {
        platforms_own(&top, &platform.config(TOKEN, PROXY), &mut faults);
    }
    if !faults.is_empty() {
        faults.truncate(MAX_FAULTS);
        return Err(faults);
    }
    let text = renewed(&text, platform)?;
    ConfigText::new(text).map_err(|error| vec![Fault::new("", error.to_string())])
}

/// The syntax tree of a text that means the same to everybody who reads it.
pub(super) fn form(text: &str) -> Result<CstRootNode, Vec<Fault>> {
    if text.contains('\0') {
        return Err(vec![Fault::new("", "must not hold the character NUL")]);
    }
    let root = merge::parsed(text).map_err(|error| {
        let (line, column) = (error.line_display(), error.column_display());
        vec![Fault::new("", format!("is not JSON5 at line {line} column {column}: {}", error.kind()))]
    })?;
    let mut faults = Vec::new();
    match root.value() {
        Some(value) if value.as_object().is_some() => {
            walk(&value, "", 0, &mut |place| faults.extend(place.fault()));
        }
        _ => faults.push(Fault::new("", "must be an object")),
    }
    if faults.is_empty() { Ok(root) } else { Err(faults) }
}

/// A place in a configuration.
pub(super) struct Place<'a> {
    pub(super) path: &'a str,
    /// The name of the property that it stands in, lists in between left out.
    pub(super) name: &'a str,
    pub(super) node: &'a CstNode,
    depth: usize,
}

impl Place<'_> {
    fn fault(&self) -> Option<Fault> {
        if self.depth > MAX_DEPTH {
            return Some(Fault::new(self.path, format!("is nested deeper than {MAX_DEPTH}")));
        }
        let object = self.node.as_object()?;
        let mut seen = std::collections::HashSet::new();
        for property in object.properties() {
            let path = |name: &str| join(self.path, name);
            let Some(name) = property.decoded_name() else {
                return Some(Fault::new(self.path, "has a name that cannot be read"));
            };
            let word = matches!(property.name(), Some(ObjectPropName::Word(_)));
            if word && !is_identifier(&name) {
                return Some(Fault::new(path(&name), "needs quotes around its name"));
            }
            if TREACHEROUS.contains(&name.as_str()) {
                return Some(Fault::new(path(&name), "is a name that no configuration may have"));
            }
            if name == "$include" {
                return Some(Fault::new(
                    path(&name),
                    "would read a file that nobody has checked; write it out",
                ));
            }
            if !seen.insert(name.clone()) {
                return Some(Fault::new(path(&name), "is given twice"));
            }
        }
        None
    }
}

/// Every place of the tree, down to one level below what is allowed.
pub(super) fn walk(node: &CstNode, path: &str, depth: usize, see: &mut impl FnMut(&Place<'_>)) {
    walk_in(node, path, "", depth, see);
}

fn walk_in(node: &CstNode, path: &str, name: &str, depth: usize, see: &mut impl FnMut(&Place<'_>)) {
    see(&Place { path, name, node, depth });
    if depth > MAX_DEPTH {
        return;
    }
    if let Some(object) = node.as_object() {
        for property in object.properties() {
            let (Some(name), Some(value)) = (property.decoded_name(), property.value()) else { continue };
            walk_in(&value, &join(path, &name), &name, depth + 1, see);
        }
    } else if let Some(list) = node.as_array() {
        for (at, value) in list.elements().iter().enumerate() {
            walk_in(value, &format!("{path}[{at}]"), name, depth + 1, see);
        }
    }
}

pub(super) fn join(path: &str, name: &str) -> String {
    // A name may be anything, and what is told of it is a field of an answer.
    let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    let begins = letters.next().is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '$'));
    begins && letters.all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
}

/// What is the platform's is as it says, or left out.
fn platforms_own(top: &CstObject, config: &Value, faults: &mut Vec<Fault>) {
    let found = |path: &[&str]| {
        let mut value = CstNode::from(jsonc_parser::cst::CstContainerNode::from(top.clone()));
        for name in path {
            value = value.as_object()?.get(name)?.value()?;
        }
        value.to_serde_value()
    };
    let mut compare = |path: &[&str], open: &[&str]| {
        let wanted = path.iter().fold(config, |value, name| &value[*name]);
        if let Some(found) = found(path) {
            differences(&path.join("."), &found, wanted, open, faults);
        }
    };
    compare(&["gateway"], GATEWAY_OF_PEOPLE);
    compare(&["models", "mode"], &[]);
    compare(&["models", "providers"], &[]);
    compare(&["agents", "defaults", "workspace"], &[]);
}

fn differences(path: &str, found: &Value, wanted: &Value, open: &[&str], faults: &mut Vec<Fault>) {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            for (name, value) in found.iter().filter(|(name, _)| !open.contains(&name.as_str())) {
                let path = join(path, name);
                match wanted.get(name) {
                    Some(wanted) => differences(&path, value, wanted, &[], faults),
                    None if path.starts_with("models.providers.") => faults.push(Fault::new(
                        path,
                        "is a way past the proxy: a bot reaches models through the platform's providers only",
                    )),
                    None => faults.push(Fault::new(path, "belongs to the platform and cannot be set here")),
                }
            }
        }
        (found, wanted) if found == wanted => {}
        _ => faults.push(Fault::new(path, "belongs to the platform: leave it as it is, or leave it out")),
    }
}
