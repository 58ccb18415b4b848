//! Takes secrets out of text that people are shown: log lines, commands, answers.
//!
//! What is known exactly (a bot's gateway token) goes wherever it stands; beside that, whatever has the form of a key of
//! a vendor, a chat service, a cloud or this platform, and the value of what calls itself a secret.

use crate::Secret;
use regex::{Captures, Regex};
use std::{borrow::Cow, sync::LazyLock};

/// Stands where a secret was.
pub const HIDDEN: &str = "[redacted]";
/// No secret of the known forms is longer; whoever cuts a text in two has to keep so much of it together.
pub const LONGEST: usize = 1024;

/// Forms of keys, by what their makers say of them. A prefix stays visible: it tells whose key it was.
const FORMS: &str = concat!(
    r"\b(?P<keep>cp_|sk-ant-|sk-proj-|sk-or-|sk-|gsk_|xai-|pplx-|hf_|r8_|fw_|csk-|nvapi-|tgp_|AIza|ya29\.|ghp_|gho_|ghs_|ghu_|",
    r"github_pat_|glpat-|AKIA|ASIA|xox[abprs]-|xapp-|whsec_|npm_|dop_v1_|eyJ[A-Za-z0-9_-]{8,}\.eyJ)[A-Za-z0-9_.=/+-]{8,}",
);
/// A Telegram bot's token: its id and 35 characters.
const TELEGRAM: &str = r"\b(?P<keep>[0-9]{6,12}:)[A-Za-z0-9_-]{35}\b";
/// A header's or a URL's credentials.
const HEADER: &str = r"(?i)(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9_.~+/=-]{8,}";
const URL: &str = r"(?P<keep>\b[a-z][a-z0-9+.-]*://[^\s/@:]{0,256}:)[^\s/@]{1,256}@";
/// `apiKey: "..."`, `OPENAI_API_KEY=...`, `"password": "..."`.
const NAMED: &str = concat!(
    r#"(?i)(?P<keep>\b[a-z0-9_-]{0,64}(?:api[_-]?key|secret|password|passwd|access[_-]?token|refresh[_-]?token|"#,
    r#"auth[_-]?token|gateway[_-]?token|private[_-]?key)["']?\s{0,4}[:=]\s{0,4}["']?)[^\s"',;}&]{4,512}"#,
);

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [FORMS, TELEGRAM, HEADER, URL, NAMED].iter().filter_map(|form| Regex::new(form).ok()).collect()
});

/// Takes secrets out of text.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    known: Vec<Secret>,
}

impl Redactor {
    /// Beside everything that looks like a secret, takes out these.
    pub fn knowing(known: impl IntoIterator<Item = Secret>) -> Self {
        Self { known: known.into_iter().filter(|secret| !secret.expose().is_empty()).collect() }
    }

    /// The text without secrets.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.known {
            if text.contains(secret.expose()) {
                text = Cow::Owned(text.replace(secret.expose(), HIDDEN));
            }
        }
        for pattern in PATTERNS.iter() {
            let replaced = pattern.replace_all(&text, |found: &Captures<'_>| {
                let end = found.get(0).is_some_and(|all| all.as_str().ends_with('@'));
                let keep = found.name("keep").map_or("", |keep| keep.as_str());
                format!("{keep}{HIDDEN}{}", if end { "@" } else { "" })
            });
            if let Cow::Owned(replaced) = replaced {
                text = Cow::Owned(replaced);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests;
