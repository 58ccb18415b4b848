//! What of an event may be shown: everything but what is a secret's in any form.

use serde_json::Value;

/// Names of fields that are dropped wherever they stand: ciphertext, what it needs, hashes, and what finds them.
const HIDDEN: &[&str] = &[
    "sealed",
    "ciphertext",
    "nonce",
    "passwordHash",
    "hash",
    "tokenHash",
    "tokenHashes",
    "refreshHash",
    "dataKeyId",
    "previousDataKeyId",
    // No secret, but long: its digest is beside it, its text in the versions of the bot's configuration.
    "configText",
];

/// The payload without what is hidden, and without its `type`, which is the row's action.
pub(crate) fn shown(payload: &Value) -> Value {
    let mut shown = without_secrets(payload);
    if let Value::Object(fields) = &mut shown {
        fields.remove("type");
    }
    shown
}

fn without_secrets(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !HIDDEN.contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name.clone(), without_secrets(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_secrets).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
