//! OpenAI's chat completions, as most vendors speak them.

use super::{
    ANSWER, CACHED, FAILURE, INPUT, OUTPUT, REASONING, Seen, TOOL_CITY,
    reply::{Reply, data},
    words,
};
use axum::http::StatusCode;
use serde_json::{Value, json};

/// `POST /v1/chat/completions`
pub(super) fn chat_completions(seen: &Seen) -> Reply {
    let request = &seen.body;
    let model = request["model"].as_str().unwrap_or("gpt-4o-mini").to_owned();
    if let Some(status) = Seen::failure(&model) {
        return failed(status);
    }
    let tool = tool(request);
    if !seen.streams() {
        let message = match &tool {
            Some(name) => {
                json!({"role": "assistant", "content": null, "tool_calls": [call(name, &arguments())]})
            }
            None => json!({"role": "assistant", "content": ANSWER}),
        };
        return Reply::json(json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model, "usage": usage(),
            "choices": [{"index": 0, "finish_reason": finish(tool.as_ref()), "message": message}],
        }));
    }
    let chunk = |choices: Value, usage: Value| {
        data(&json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model,
                     "choices": choices, "usage": usage}))
    };
    let delta = |delta: Value| chunk(json!([{"index": 0, "delta": delta}]), Value::Null);
    let mut frames = vec![delta(json!({"role": "assistant", "content": ""}))];
    match &tool {
        Some(name) => frames.extend(call_in_pieces(name).map(delta)),
        None => frames.extend(words().map(|word| delta(json!({"content": word})))),
    }
    let end = json!([{"index": 0, "delta": {}, "finish_reason": finish(tool.as_ref())}]);
    frames.push(chunk(end, Value::Null));
    if request["stream_options"]["include_usage"] == json!(true) {
        frames.push(chunk(json!([]), usage()));
    }
    frames.push("data: [DONE]\n\n".to_owned());
    Reply::sse(frames)
}

/// An error in OpenAI's form.
pub(super) fn failed(status: StatusCode) -> Reply {
    let error =
        json!({"message": FAILURE, "type": "invalid_request_error", "param": "model", "code": "told_to"});
    Reply::error(status, json!({"error": error}))
}

fn usage() -> Value {
    json!({
        "prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED},
        "completion_tokens_details": {"reasoning_tokens": REASONING},
    })
}

/// The tool to call: the first one, as long as no result is there.
fn tool(request: &Value) -> Option<String> {
    let answered = request["messages"].as_array()?.iter().any(|message| message["role"] == json!("tool"));
    let name = request["tools"][0]["function"]["name"].as_str()?;
    (!answered).then(|| name.to_owned())
}

fn finish(tool: Option<&String>) -> &'static str {
    if tool.is_some() { "tool_calls" } else { "stop" }
}

fn arguments() -> String {
    json!({"city": TOOL_CITY}).to_string()
}

fn call(name: &str, arguments: &str) -> Value {
    json!({"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}})
}

/// The arguments come in two pieces, as they do.
fn call_in_pieces(name: &str) -> impl Iterator<Item = Value> {
    let arguments = arguments();
    let (first, rest) = arguments.split_at(arguments.len() / 2);
    let mut start = call(name, "");
    start["index"] = json!(0);
    let piece = |text: &str| json!({"tool_calls": [{"index": 0, "function": {"arguments": text}}]});
    [json!({"tool_calls": [start]}), piece(first), piece(rest)].into_iter()
}
