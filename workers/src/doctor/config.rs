//! What is looked at in `openclaw.json`: that OpenClaw can read it, and that no vendor's key is in it.

use jsonc_parser::{ParseOptions, cst::CstRootNode};
use serde_json::Value;

/// How vendors' keys begin. A bot's own token begins with `cp_`.
const KEYS: &[&str] =
    &["sk-", "AIza", "gsk_", "xai-", "pplx-", "r8_", "hf_", "fw_", "nvapi-", "csk-", "AKIA", "ya29."];
/// Shorter texts are no keys.
const SHORTEST: usize = 20;
/// The deepest nesting of objects and lists.
const DEEPEST: usize = 128;
/// Faults that are told.
const MOST: usize = 5;

/// What is wrong. Never repeats a value.
pub(super) fn faults(text: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(text) else { return vec!["it is no text".to_owned()] };
    // Its parser goes down with each level.
    if depth(text) > DEEPEST {
        return vec!["it is nested too deeply".to_owned()];
    }
    let parsed = CstRootNode::parse(text, &ParseOptions::default());
    let parsed = parsed.map(|root| root.to_serde_value().unwrap_or_default());
    let mut found = Vec::new();
    match parsed {
        Ok(value @ Value::Object(_)) => walk(&value, &mut String::new(), &mut found),
        Ok(_) => found.push("it is no object".to_owned()),
        Err(error) => found.push(format!("it is no JSON5 (line {})", line(text, error.range().start))),
    }
    // A key in a comment is one as well.
    if found.is_empty() && text.split(|c: char| c.is_whitespace() || "\"'`,;=()[]{}".contains(c)).any(is_key)
    {
        found.push("a vendor's key is in it".to_owned());
    }
    found
}

fn depth(text: &str) -> usize {
    let (mut deepest, mut depth) = (0_usize, 0_usize);
    for byte in text.bytes() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

fn walk(value: &Value, path: &mut String, found: &mut Vec<String>) {
    let length = path.len();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if length == 0 { "" } else { "." };
                path.push_str(dot);
                path.push_str(name);
                walk(value, path, found);
                path.truncate(length);
            }
        }
        Value::Array(entries) => {
            for entry in entries {
                path.push_str("[]");
                walk(entry, path, found);
                path.truncate(length);
            }
        }
        Value::String(text) if found.len() < MOST && is_foreign(text, path) => {
            found.push(format!("`{path}` holds a vendor's key"));
        }
        _ => {}
    }
}

/// A provider's key is the bot's own token, or a reference to the environment.
fn is_foreign(text: &str, path: &str) -> bool {
    let provider = path.starts_with("models.providers.") && path.ends_with(".apiKey");
    is_key(text) || (provider && !text.is_empty() && !text.starts_with("cp_") && !text.starts_with("${"))
}

fn is_key(text: &str) -> bool {
    text.len() >= SHORTEST && KEYS.iter().any(|start| text.starts_with(start))
}
