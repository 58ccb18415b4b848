//! Cohere's native v2 chat.

use super::{
    ANSWER, FAILURE, INPUT, OUTPUT, Seen,
    reply::{Reply, event},
    words,
};
use serde_json::json;

/// `POST /v2/chat`
pub(super) fn chat(seen: &Seen) -> Reply {
    if let Some(status) = seen.body["model"].as_str().and_then(Seen::failure) {
        return Reply::error(status, json!({"id": "c1", "message": FAILURE}));
    }
    let usage = json!({"billed_units": {"input_tokens": INPUT, "output_tokens": OUTPUT},
                       "tokens": {"input_tokens": INPUT + 66, "output_tokens": OUTPUT}});
    if !seen.streams() {
        let message = json!({"role": "assistant", "content": [{"type": "text", "text": ANSWER}]});
        return Reply::json(
            json!({"id": "c1", "finish_reason": "COMPLETE", "message": message, "usage": usage}),
        );
    }
    let start =
        json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
    let mut frames = vec![
        event(&json!({"type": "message-start", "id": "c1", "delta": {"message": start}})),
        event(&json!({"type": "content-start", "index": 0,
                      "delta": {"message": {"content": {"type": "text", "text": ""}}}})),
    ];
    frames.extend(words().map(|word| {
        event(
            &json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": word}}}}),
        )
    }));
    frames.push(event(&json!({"type": "content-end", "index": 0})));
    frames
        .push(event(&json!({"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}})));
    Reply::sse(frames)
}
