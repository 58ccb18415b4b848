//! Usage in OpenAI's chat completions and what is like them: completions, embeddings, images, transcriptions.
//!
//! `prompt_tokens` includes cached ones, `completion_tokens` includes reasoning. Vendors differ in where they put the
//! object: behind the last chunk, in every chunk, in a choice (Moonshot), in `x_groq`.
//! <https://platform.openai.com/docs/api-reference/chat/object>

use super::{
    Reading,
    json::{Count, Fault, Text, soft, soft_list},
    openai_usage::Usage,
};
use serde::Deserialize;

/// A chunk or a whole answer of chat completions.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Chat<'a> {
    #[serde(borrow, deserialize_with = "soft", rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "soft")]
    model: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "soft")]
    service_tier: Option<Text<'a>>,
    #[serde(deserialize_with = "soft")]
    usage: Option<Usage>,
    #[serde(deserialize_with = "soft_list")]
    choices: Option<Vec<Choice>>,
    #[serde(deserialize_with = "soft")]
    x_groq: Option<Groq>,
    #[serde(deserialize_with = "soft")]
    usage_info: Option<Pages>,
    error: Fault,
    #[serde(deserialize_with = "soft")]
    base_resp: Option<BaseResp>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    /// Moonshot has its usage here.
    #[serde(deserialize_with = "soft")]
    usage: Option<Usage>,
    finish_reason: Fault,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Groq {
    #[serde(deserialize_with = "soft")]
    usage: Option<Usage>,
    error: Fault,
}

/// Mistral's OCR.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Pages {
    pages_processed: Count,
}

/// MiniMax answers 200 to everything, and says here how it went.
#[derive(Default, Deserialize)]
#[serde(default)]
struct BaseResp {
    status_code: Fault,
}

/// The last events of streams of images, sound and transcriptions, which have no `[DONE]`.
const LAST: [&str; 4] =
    ["image_generation.completed", "image_edit.completed", "transcript.text.done", "speech.audio.done"];

/// Reads one text of a chat completion, or of anything that looks like one.
pub(super) fn read(reading: &mut Reading, json: &[u8], stream: bool) {
    if json == b"[DONE]" {
        reading.finished = true;
        reading.settled |= reading.tokens.is_some();
        return;
    }
    let Ok(chat) = serde_json::from_slice::<Chat<'_>>(json) else { return };
    reading.name(chat.model.as_ref(), chat.service_tier.as_ref());
    let groq = chat.x_groq.unwrap_or_default();
    reading.failed |= chat.error.0 || groq.error.0;
    reading.failed |= chat.base_resp.is_some_and(|base| base.status_code.0);
    reading.finished |= chat.kind.is_some_and(|kind| LAST.contains(&kind.0.as_ref()));
    let choices = chat.choices.unwrap_or_default();
    // Counts in the middle of a stream are those so far.
    let last = !stream || choices.is_empty() || choices.iter().any(|choice| choice.finish_reason.0);
    let nested = choices.into_iter().find_map(|choice| choice.usage);
    if let Some(usage) = chat.usage.or(nested).or(groq.usage) {
        reading.tokens = Some(usage.tokens());
        reading.settled = last;
    } else if let Some(Count(Some(pages))) = chat.usage_info.map(|info| info.pages_processed) {
        let tokens = reading.tokens.get_or_insert_default();
        tokens.details.document_pages = pages;
        reading.settled = true;
    }
}
