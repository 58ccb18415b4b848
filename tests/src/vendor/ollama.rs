//! Ollama's own API: NDJSON, a stream unless it is told not to.

use super::{ANSWER, EMBEDDED, FAILURE, INPUT, OUTPUT, Seen, TOOL_CITY, reply::Reply, words};
use serde_json::{Value, json};

/// `POST /api/chat`, `/api/generate` and `/api/embed`
pub(super) fn answer(seen: &Seen) -> Reply {
    let model = seen.body["model"].as_str().unwrap_or_default();
    if let Some(status) = Seen::failure(model) {
        return Reply::error(status, json!({"error": FAILURE}));
    }
    if seen.path().ends_with("/embed") {
        return Reply::json(
            json!({"model": model, "embeddings": [[1.0, 2.0]], "prompt_eval_count": EMBEDDED}),
        );
    }
    let tool = tool(&seen.body);
    let chat = seen.path().ends_with("/chat");
    let said = |text: &str, calls: Option<&str>| {
        let mut line = json!({"model": model, "created_at": "2026-11-20T12:00:00Z", "done": false});
        if chat {
            line["message"] = json!({"role": "assistant", "content": text});
        } else {
            line["response"] = json!(text);
        }
        if let Some(name) = calls {
            line["message"]["tool_calls"] =
                json!([{"function": {"name": name, "arguments": {"city": TOOL_CITY}}}]);
        }
        line
    };
    let whole = |text: &str, calls: Option<&str>| done(said(text, calls));
    if seen.body["stream"] == json!(false) {
        let text = if tool.is_some() { "" } else { ANSWER };
        return Reply::json(whole(text, tool.as_deref()));
    }
    let mut lines: Vec<Value> = match &tool {
        Some(name) => vec![said("", Some(name))],
        None => words().map(|word| said(&word, None)).collect(),
    };
    lines.push(whole("", None));
    Reply::Stream("application/x-ndjson", lines.into_iter().map(|line| format!("{line}\n")).collect())
}

fn done(mut line: Value) -> Value {
    (line["done"], line["done_reason"]) = (json!(true), json!("stop"));
    (line["prompt_eval_count"], line["eval_count"]) = (json!(INPUT), json!(OUTPUT));
    line["total_duration"] = json!(1_000_000);
    line
}

/// The tool to call: the first one, as long as no result is there.
fn tool(request: &Value) -> Option<String> {
    let answered = request["messages"].as_array()?.iter().any(|message| message["role"] == json!("tool"));
    let name = request["tools"][0]["function"]["name"].as_str()?;
    (!answered).then(|| name.to_owned())
}
