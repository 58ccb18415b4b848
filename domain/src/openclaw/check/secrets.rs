//! Secrets in a configuration: a version is kept for ever and shown to whoever may see the bot, so none may be in it.

use super::{Fault, Place, TOKEN, walk};
use jsonc_parser::cst::CstNode;

/// How vendors' keys begin, and how many letters follow at least.
const KEYS: &[(&str, usize)] = &[
    ("sk-", 16),
    ("sk_", 16),
    ("AIza", 30),
    ("gsk_", 20),
    ("xai-", 20),
    ("hf_", 20),
    ("ghp_", 30),
    ("github_pat_", 30),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("xapp-", 16),
    ("AKIA", 16),
    ("r8_", 20),
    ("pplx-", 20),
];
/// Ends of names whose values are secrets, without `_`, `-` and case.
const NAMES: &[&str] = &[
    "apikey",
    "apikeys",
    "token",
    "tokens",
    "secret",
    "secrets",
    "password",
    "passwords",
    "passphrase",
    "privatekey",
    "accesskey",
    "secretkey",
    "signingkey",
    "authorization",
    "credential",
    "credentials",
];

/// Something anywhere in the text, comments included, that looks like a vendor's key.
pub(super) fn in_text(text: &str) -> Vec<Fault> {
    let line = text.lines().position(|line| words(line).any(is_key));
    let fault = |at: usize| {
        let message =
            format!("has what looks like a vendor's key in line {}; keys belong into provider keys", at + 1);
        Fault::new("", message)
    };
    line.map(fault).into_iter().collect()
}

/// Values under names that say that they are secrets.
pub(super) fn in_value(root: &CstNode, faults: &mut Vec<Fault>) {
    walk(root, "", 0, &mut |place| {
        if holds_secret(place) {
            let message =
                "is a secret, which no version may hold: write `${NAME}` or a secret reference instead";
            faults.push(Fault::new(place.path, message));
        }
    });
}

fn holds_secret(place: &Place<'_>) -> bool {
    let Some(text) = place.node.as_string_lit().and_then(|text| text.decoded_value().ok()) else {
        return false;
    };
    if text.is_empty() || text == TOKEN || is_reference(&text) {
        return false;
    }
    let name: String = place.name.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = name.to_ascii_lowercase();
    words(&text).any(is_key) || NAMES.iter().any(|end| name.ends_with(end))
}

/// `${NAME}`, alone or after `Bearer`.
fn is_reference(text: &str) -> bool {
    let text = text.strip_prefix("Bearer ").unwrap_or(text);
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    text == TOKEN || name.is_some_and(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
}

fn is_key(word: &str) -> bool {
    KEYS.iter().any(|(begin, letters)| {
        word.strip_prefix(begin)
            .is_some_and(|rest| rest.len() >= *letters && rest.bytes().any(|b| b.is_ascii_digit()))
    })
}
