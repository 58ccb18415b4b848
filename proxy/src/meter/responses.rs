//! Usage in OpenAI's Responses API: the last event carries the whole answer, with its usage.
//!
//! <https://platform.openai.com/docs/api-reference/responses>

use super::{
    Reading,
    json::{Fault, Text, soft, soft_list},
    openai_usage::Usage,
};
use serde::Deserialize;

/// The object of the Responses API, whole or inside an event.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer<'a> {
    #[serde(borrow, deserialize_with = "soft")]
    model: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "soft")]
    service_tier: Option<Text<'a>>,
    #[serde(deserialize_with = "soft")]
    usage: Option<Usage>,
    #[serde(borrow, deserialize_with = "soft_list")]
    output: Option<Vec<Item<'a>>>,
    error: Fault,
}

/// A message, or the call of a tool.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Item<'a> {
    #[serde(borrow, deserialize_with = "soft", rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "soft")]
    action: Option<Action<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Action<'a> {
    #[serde(borrow, deserialize_with = "soft", rename = "type")]
    kind: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow, deserialize_with = "soft", rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "soft")]
    response: Option<Answer<'a>>,
    error: Fault,
}

/// Reads one event of the Responses API, or a whole answer of it.
pub(super) fn read(reading: &mut Reading, json: &[u8]) {
    if json == b"[DONE]" {
        reading.finished = true;
        return;
    }
    let Ok(event) = serde_json::from_slice::<Event<'_>>(json) else { return };
    let kind = event.kind.as_ref().map_or("", |kind| kind.0.as_ref());
    reading.finished |= matches!(kind, "response.completed" | "response.incomplete" | "response.failed");
    reading.failed |= event.error.0 || matches!(kind, "error" | "response.failed");
    let whole = if event.response.is_none() { serde_json::from_slice::<Answer<'_>>(json).ok() } else { None };
    let Some(answer) = event.response.or(whole) else { return };
    reading.failed |= answer.error.0;
    reading.name(answer.model.as_ref(), answer.service_tier.as_ref());
    if let Some(usage) = answer.usage {
        let mut tokens = usage.tokens();
        let items = || answer.output.iter().flatten();
        let web = items().filter(|item| item.is_web_search()).count() as u64;
        tokens.details.web_searches = tokens.details.web_searches.max(web);
        tokens.details.file_searches = items().filter(|item| item.is_file_search()).count() as u64;
        reading.tokens = Some(tokens);
        reading.settled = true;
    }
}

impl Item<'_> {
    fn kind(&self) -> &str {
        self.kind.as_ref().map_or("", |kind| kind.0.as_ref())
    }

    /// Opening a page that was found, and looking into it, costs nothing beside its tokens.
    fn is_web_search(&self) -> bool {
        let action = self.action.as_ref().and_then(|action| action.kind.as_ref());
        self.kind() == "web_search_call" && action.is_none_or(|action| action.0 == "search")
    }

    fn is_file_search(&self) -> bool {
        self.kind() == "file_search_call"
    }
}
