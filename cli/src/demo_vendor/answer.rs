//! What it answers, and how it counts.
//!
//! A token is a word: a run of characters without white space. Input tokens are the words of all texts of all
//! messages, whoever wrote them; tools and pictures count nothing. Output tokens are the words of the answer.

use serde::Deserialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// Of a longer text only this many characters are echoed.
const MAX_ECHO: usize = 8000;
/// How OpenClaw begins a message that it puts behind the user's by itself: nobody said that.
const RUNTIME_CONTEXT: &str = "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>";
static SERIAL: AtomicU64 = AtomicU64::new(1);

/// One message of a conversation.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    #[serde(default)]
    role: String,
    #[serde(default)]
    content: Option<Content>,
}

/// A text, or parts of which some are texts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(default)]
    text: Option<String>,
}

impl Message {
    /// What a user says.
    pub(super) fn from_user(text: String) -> Self {
        Self { role: "user".to_owned(), content: Some(Content::Text(text)) }
    }

    fn texts(&self) -> Vec<&str> {
        match &self.content {
            None => Vec::new(),
            Some(Content::Text(text)) => vec![text],
            Some(Content::Parts(parts)) => parts.iter().filter_map(|part| part.text.as_deref()).collect(),
        }
    }
}

/// An answer with its counts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) input_tokens: usize,
    pub(super) output_tokens: usize,
}

impl Answer {
    /// Says what the last message that a person wrote said.
    pub(super) fn to(messages: &[Message]) -> Self {
        let said = messages
            .iter()
            .rev()
            .filter(|message| message.role == "user")
            .map(|message| message.texts().join(" "))
            .find(|said| !said.trim_start().starts_with(RUNTIME_CONTEXT));
        let text = match said {
            Some(said) if !said.trim().is_empty() => {
                format!("You said: {}", said.trim().chars().take(MAX_ECHO).collect::<String>())
            }
            _ => "You said nothing.".to_owned(),
        };
        Self {
            input_tokens: messages.iter().flat_map(Message::texts).map(words).sum(),
            output_tokens: words(&text),
            text,
        }
    }

    /// The text in pieces of one word, each with the white space before it; together they are the text.
    pub(super) fn pieces(&self) -> Vec<String> {
        let mut pieces = Vec::new();
        let mut rest = self.text.as_str();
        while !rest.is_empty() {
            let word = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
            let end = rest[word..].find(char::is_whitespace).map_or(rest.len(), |length| word + length);
            pieces.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        pieces
    }
}

/// The count of a text's tokens.
pub(super) fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// An id that this process gave to nothing else.
pub(super) fn serial(prefix: &str) -> String {
    format!("{prefix}-demo-{}", SERIAL.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests;
