//! OpenAI beside chat completions: responses, embeddings, transcriptions.

use super::{
    ANSWER, CACHED, EMBEDDED, INPUT, OUTPUT, REASONING, Seen, TOOL_CITY, openai,
    reply::{Reply, event},
    words,
};
use serde_json::{Value, json};

/// `POST /v1/responses`
pub(super) fn responses(seen: &Seen) -> Reply {
    let model = seen.body["model"].as_str().unwrap_or_default();
    if let Some(status) = Seen::failure(model) {
        return openai::failed(status);
    }
    let item = match seen.body["tools"][0]["name"].as_str() {
        Some(name) => {
            json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed",
                             "name": name, "arguments": json!({"city": TOOL_CITY}).to_string()})
        }
        None => json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                       "content": [{"type": "output_text", "text": ANSWER, "annotations": []}]}),
    };
    let whole = response(model, "completed", &json!([item]), &usage());
    if !seen.streams() {
        return Reply::json(whole);
    }
    let mut number = 0;
    let mut numbered = |mut value: Value| {
        value["sequence_number"] = json!(number);
        number += 1;
        event(&value)
    };
    let begun = response(model, "in_progress", &json!([]), &Value::Null);
    let mut frames = vec![numbered(json!({"type": "response.created", "response": begun}))];
    let mut empty = item.clone();
    if empty["type"] == json!("message") {
        empty["content"] = json!([]);
    }
    frames.push(numbered(json!({"type": "response.output_item.added", "output_index": 0, "item": empty})));
    let place = |kind: &str| json!({"type": kind, "item_id": "msg_1", "output_index": 0, "content_index": 0});
    if item["type"] == json!("message") {
        let mut part = place("response.content_part.added");
        part["part"] = json!({"type": "output_text", "text": "", "annotations": []});
        frames.push(numbered(part));
        for word in words() {
            let mut delta = place("response.output_text.delta");
            (delta["delta"], delta["logprobs"]) = (json!(word), json!([]));
            frames.push(numbered(delta));
        }
        let mut done = place("response.output_text.done");
        (done["text"], done["logprobs"]) = (json!(ANSWER), json!([]));
        frames.push(numbered(done));
    }
    frames.push(numbered(json!({"type": "response.output_item.done", "output_index": 0, "item": item})));
    frames.push(numbered(json!({"type": "response.completed", "response": whole})));
    Reply::sse(frames)
}

fn response(model: &str, status: &str, output: &Value, usage: &Value) -> Value {
    json!({"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": model, "error": null,
           "output": output, "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "usage": usage})
}

fn usage() -> Value {
    json!({"input_tokens": INPUT, "input_tokens_details": {"cached_tokens": CACHED}, "output_tokens": OUTPUT,
           "output_tokens_details": {"reasoning_tokens": REASONING}, "total_tokens": INPUT + OUTPUT})
}

/// `POST /v1/embeddings`. The SDKs ask for base64 by themselves.
pub(super) fn embeddings(seen: &Seen) -> Reply {
    // 1.0 and 2.0 as little-endian floats.
    let vector = match seen.body["encoding_format"].as_str() {
        Some("base64") => json!("AACAPwAAAEA="),
        _ => json!([1.0, 2.0]),
    };
    Reply::json(json!({
        "object": "list", "model": seen.body["model"],
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "usage": {"prompt_tokens": EMBEDDED, "total_tokens": EMBEDDED},
    }))
}

/// `POST /v1/audio/transcriptions`, which takes a form and not JSON.
pub(super) fn transcription(_: &Seen) -> Reply {
    Reply::json(json!({"text": ANSWER}))
}
