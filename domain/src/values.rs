//! Checked values: what cannot be made cannot be stored. Each knows its own rule and says it in words.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is not a value of a kind; the message is for people and never repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

macro_rules! text_value {
    ($($(#[$doc:meta])* $name:ident, $check:path;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = Invalid;
            fn try_from(text: String) -> Result<Self, Invalid> {
                $check(&text).map(Self)
            }
        }
        impl std::str::FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::try_from(text.to_owned())
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.0)
            }
        }
    )+};
}

text_value! {
    /// A bot's name in the API: a DNS label (RFC 1123), 1 to 63 of `a-z 0-9 -`, no hyphen at either end.
    Hostname, hostname;
    /// An e-mail address in lower case, at most 254 bytes.
    Email, email;
    /// A name for people: 1 to 100 characters, no control characters, trimmed.
    Label, label;
    /// A routing tag: 1 to 63 of `a-z 0-9 - _ .`, in lower case.
    Tag, tag;
    /// A vendor's id in the vendor table: 1 to 40 of `a-z 0-9 -`.
    VendorId, vendor;
    /// A model's id as the vendor spells it: 1 to 200 printable characters without spaces.
    ModelId, model;
    /// A model as the vendor spells it, or the beginning of one and `*`; `*` alone is every model.
    ModelPattern, model_pattern;
    /// A container image reference, at most 255 characters, no spaces, not starting with a hyphen.
    ImageRef, image;
    /// A switch of a bot: 1 to 63 of `A-Z a-z 0-9 - _ .`.
    FeatureName, feature;
    /// An environment variable's name: 1 to 128 of `A-Z a-z 0-9 _`, not beginning with a digit.
    EnvName, env_name;
    /// An environment variable's value: at most 4096 bytes, no control characters.
    EnvValue, env_value;
    /// Who a bot is, in Markdown: 1 to 32,768 bytes, no control characters but line ends and tabs.
    Persona, persona;
    /// The URL under which a vendor is reached: `http` or `https`, no user info, query or fragment, no trailing slash.
    BaseUrl, base_url;
}

fn check(ok: bool, message: &str) -> Result<(), Invalid> {
    if ok { Ok(()) } else { Err(Invalid(message.to_owned())) }
}

fn hostname(text: &str) -> Result<String, Invalid> {
    let inner = !text.is_empty() && text.len() <= 63;
    let chars = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let ends = !text.starts_with('-') && !text.ends_with('-');
    check(
        inner && chars && ends,
        "must be 1 to 63 lower-case letters, digits or hyphens, with no hyphen at either end",
    )?;
    // `GET /api/bot/stats` and `/api/bot/admin/...` share their place in the path with hostnames.
    check(!matches!(text, "stats" | "admin"), "is a reserved name")?;
    Ok(text.to_owned())
}

fn email(text: &str) -> Result<String, Invalid> {
    let text = text.trim().to_lowercase();
    let valid = text.len() <= 254
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && matches!(text.split_once('@'), Some((local, domain))
            if !local.is_empty() && !domain.is_empty() && !domain.contains('@')
                && !domain.starts_with('.') && !domain.ends_with('.'));
    check(valid, "must be an e-mail address")?;
    Ok(text)
}

fn label(text: &str) -> Result<String, Invalid> {
    let text = text.trim().to_owned();
    let count = text.chars().count();
    check((1..=100).contains(&count), "must have 1 to 100 characters")?;
    check(!text.chars().any(char::is_control), "must not have control characters")?;
    Ok(text)
}

fn tag(text: &str) -> Result<String, Invalid> {
    let chars =
        text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'));
    check(
        chars && (1..=63).contains(&text.len()),
        "must be 1 to 63 lower-case letters, digits, hyphens, underscores or dots",
    )?;
    Ok(text.to_owned())
}

fn vendor(text: &str) -> Result<String, Invalid> {
    let chars = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    check(chars && (1..=40).contains(&text.len()), "must be a vendor of the vendor table")?;
    Ok(text.to_owned())
}

fn model(text: &str) -> Result<String, Invalid> {
    let printable = text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    check(printable && (1..=200).contains(&text.len()), "must be 1 to 200 characters without spaces")?;
    Ok(text.to_owned())
}

fn model_pattern(text: &str) -> Result<String, Invalid> {
    let text = model(text)?;
    let star = text.find('*').is_none_or(|at| at + 1 == text.len());
    check(star, "must be a model, or its beginning and one `*` at the end")?;
    Ok(text)
}

impl ModelPattern {
    /// What the models' names begin with; `None` where it stands for one model alone.
    pub fn prefix(&self) -> Option<&str> {
        self.0.strip_suffix('*')
    }

    /// Whether `model` is the one that is meant, letter for letter, or begins as it does.
    pub fn matches(&self, model: &str) -> bool {
        match self.prefix() {
            Some(beginning) => model.starts_with(beginning),
            None => self.0 == model,
        }
    }
}

fn image(text: &str) -> Result<String, Invalid> {
    let printable = text.bytes().all(|b| b.is_ascii_graphic());
    check(
        printable && (1..=255).contains(&text.len()) && !text.starts_with('-'),
        "must be an image reference such as `ghcr.io/openclaw/openclaw:latest`",
    )?;
    Ok(text.to_owned())
}

fn feature(text: &str) -> Result<String, Invalid> {
    let chars = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    check(
        chars && (1..=63).contains(&text.len()),
        "must be 1 to 63 letters, digits, hyphens, underscores or dots",
    )?;
    Ok(text.to_owned())
}

fn env_name(text: &str) -> Result<String, Invalid> {
    let chars = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let begins = !text.starts_with(|c: char| c.is_ascii_digit());
    check(
        chars && begins && (1..=128).contains(&text.len()),
        "must be 1 to 128 letters, digits or underscores, and not begin with a digit",
    )?;
    Ok(text.to_owned())
}

fn env_value(text: &str) -> Result<String, Invalid> {
    check(text.len() <= 4096, "must have at most 4096 bytes")?;
    check(!text.chars().any(char::is_control), "must not have control characters")?;
    Ok(text.to_owned())
}

fn persona(text: &str) -> Result<String, Invalid> {
    check((1..=32_768).contains(&text.len()), "must have 1 to 32768 bytes")?;
    let fit = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    check(text.chars().all(fit), "must not have control characters but line ends and tabs")?;
    Ok(text.to_owned())
}

fn base_url(text: &str) -> Result<String, Invalid> {
    check(text.len() <= 2048, "must have at most 2048 characters")?;
    let url = url::Url::parse(text).map_err(|e| Invalid(format!("must be a URL: {e}")))?;
    check(matches!(url.scheme(), "http" | "https"), "must start with `http://` or `https://`")?;
    check(url.has_host(), "must name a host")?;
    check(url.username().is_empty() && url.password().is_none(), "must not carry a user or a password")?;
    check(url.query().is_none() && url.fragment().is_none(), "must not have a query or a fragment")?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests;
