//! Anthropic's messages.

use super::{
    ANSWER, CACHE_WRITE, CACHED, FAILURE, INPUT, OUTPUT, Seen, TOOL_CITY,
    reply::{Reply, event},
    words,
};
use axum::http::StatusCode;
use serde_json::{Value, json};

/// `POST /v1/messages`
pub(super) fn messages(seen: &Seen) -> Reply {
    if seen.header("anthropic-version").is_none() {
        return failed(StatusCode::BAD_REQUEST, "anthropic-version: header is required");
    }
    let model = seen.body["model"].as_str().unwrap_or_default();
    if let Some(status) = Seen::failure(model) {
        return failed(status, FAILURE);
    }
    let tool = tool(&seen.body);
    let (block, reason) = match &tool {
        Some(name) => (
            json!({"type": "tool_use", "id": "toolu_1", "name": name, "input": {"city": TOOL_CITY}}),
            "tool_use",
        ),
        None => (json!({"type": "text", "text": ANSWER}), "end_turn"),
    };
    let usage = json!({
        "input_tokens": INPUT - CACHED - CACHE_WRITE, "cache_read_input_tokens": CACHED,
        "cache_creation_input_tokens": CACHE_WRITE, "output_tokens": OUTPUT,
    });
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [block],
                         "stop_reason": reason, "stop_sequence": null, "usage": usage});
    if seen.streams() { Reply::sse(stream(message, tool.is_some())) } else { Reply::json(message) }
}

fn stream(message: Value, tool: bool) -> Vec<String> {
    let reason = message["stop_reason"].clone();
    let mut block = message["content"][0].clone();
    let mut start = message;
    (start["content"], start["stop_reason"]) = (json!([]), Value::Null);
    start["usage"]["output_tokens"] = json!(1);
    let deltas: Vec<Value> = if tool {
        let input = block["input"].take().to_string();
        block["input"] = json!({});
        let (first, rest) = input.split_at(input.len() / 2);
        [first, rest].map(|text| json!({"type": "input_json_delta", "partial_json": text})).into()
    } else {
        block["text"] = json!("");
        words().map(|word| json!({"type": "text_delta", "text": word})).collect()
    };
    let mut frames = vec![
        event(&json!({"type": "message_start", "message": start})),
        event(&json!({"type": "content_block_start", "index": 0, "content_block": block})),
        event(&json!({"type": "ping"})),
    ];
    let delta = |delta| event(&json!({"type": "content_block_delta", "index": 0, "delta": delta}));
    frames.extend(deltas.into_iter().map(delta));
    frames.push(event(&json!({"type": "content_block_stop", "index": 0})));
    frames.push(event(&json!({"type": "message_delta", "usage": {"output_tokens": OUTPUT},
                              "delta": {"stop_reason": reason, "stop_sequence": null}})));
    frames.push(event(&json!({"type": "message_stop"})));
    frames
}

fn failed(status: StatusCode, message: &str) -> Reply {
    let kind =
        if status == StatusCode::TOO_MANY_REQUESTS { "rate_limit_error" } else { "invalid_request_error" };
    let error = json!({"type": kind, "message": message});
    Reply::error(status, json!({"type": "error", "error": error, "request_id": "req_1"}))
}

/// The tool to call: the first one, as long as no result is there.
fn tool(request: &Value) -> Option<String> {
    let is_result = |block: &Value| block["type"] == json!("tool_result");
    let has_result = |message: &Value| message["content"].as_array().is_some_and(|c| c.iter().any(is_result));
    let answered = request["messages"].as_array()?.iter().any(has_result);
    let name = request["tools"][0]["name"].as_str()?;
    (!answered).then(|| name.to_owned())
}
