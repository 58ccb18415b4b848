//! Google's Gemini: `/{version}/models/{model}:{call}`, as server-sent events or as a JSON array.

use super::{ANSWER, CACHED, FAILURE, INPUT, OUTPUT, REASONING, Seen, TOOL_CITY, reply::Reply, words};
use axum::http::StatusCode;
use serde_json::{Value, json};

/// Whatever has a colon behind its model.
pub(super) fn answer(seen: &Seen) -> Reply {
    let called = seen.path().split_once("/models/").and_then(|(_, rest)| rest.split_once(':'));
    let Some((model, call)) = called else { return failed(StatusCode::NOT_FOUND, "no such method") };
    if let Some(status) = Seen::failure(model) {
        return failed(status, FAILURE);
    }
    let tool = tool(&seen.body);
    let whole = match &tool {
        Some(name) => json!({"functionCall": {"name": name, "args": {"city": TOOL_CITY}}}),
        None => json!({"text": ANSWER}),
    };
    let parts: Vec<Value> = match &tool {
        Some(_) => vec![whole.clone()],
        None => words().map(|word| json!({"text": word})).collect(),
    };
    // Only the last part of a stream says why it ended.
    let last = parts.len().saturating_sub(1);
    let stream =
        parts.iter().enumerate().map(|(at, part)| chunk(model, part, (at == last).then_some("STOP")));
    match (call, seen.query().contains("alt=sse")) {
        ("generateContent", _) => Reply::json(chunk(model, &whole, Some("STOP"))),
        ("streamGenerateContent", true) => {
            Reply::sse(stream.map(|chunk| format!("data: {chunk}\r\n\r\n")).collect())
        }
        ("streamGenerateContent", false) => {
            Reply::Stream("application/json; charset=UTF-8", array(stream.collect()))
        }
        ("embedContent", _) => Reply::json(json!({"embedding": {"values": [1.0, 2.0]}})),
        ("batchEmbedContents", _) => Reply::json(json!({"embeddings": [{"values": [1.0, 2.0]}]})),
        ("countTokens", _) => Reply::json(json!({"totalTokens": INPUT})),
        _ => failed(StatusCode::NOT_FOUND, "no such method"),
    }
}

/// The elements of an array one by one, as Google sends them.
fn array(chunks: Vec<Value>) -> Vec<String> {
    let last = chunks.len().saturating_sub(1);
    let piece = |(at, chunk): (usize, Value)| {
        let (before, after) = (if at == 0 { "[" } else { ",\r\n" }, if at == last { "]" } else { "" });
        format!("{before}{chunk}{after}")
    };
    chunks.into_iter().enumerate().map(piece).collect()
}

fn chunk(model: &str, part: &Value, finish: Option<&str>) -> Value {
    json!({
        "candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0, "finishReason": finish}],
        "usageMetadata": {
            "promptTokenCount": INPUT, "cachedContentTokenCount": CACHED,
            "candidatesTokenCount": OUTPUT - REASONING, "thoughtsTokenCount": REASONING,
            "totalTokenCount": INPUT + OUTPUT,
        },
        "modelVersion": model,
    })
}

fn failed(status: StatusCode, message: &str) -> Reply {
    let name = match status {
        StatusCode::TOO_MANY_REQUESTS => "RESOURCE_EXHAUSTED",
        StatusCode::NOT_FOUND => "NOT_FOUND",
        _ => "INVALID_ARGUMENT",
    };
    Reply::error(status, json!({"error": {"code": status.as_u16(), "message": message, "status": name}}))
}

/// The function to call: the first one, as long as no result is there.
fn tool(request: &Value) -> Option<String> {
    let has_result = |content: &Value| {
        let is_result = |part: &Value| part.get("functionResponse").is_some();
        content["parts"].as_array().is_some_and(|parts| parts.iter().any(is_result))
    };
    let answered = request["contents"].as_array()?.iter().any(has_result);
    let name = request["tools"][0]["functionDeclarations"][0]["name"].as_str()?;
    (!answered).then(|| name.to_owned())
}
