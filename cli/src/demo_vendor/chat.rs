//! `POST /v1/chat/completions`, whole and streamed
//! (format: <https://platform.openai.com/docs/api-reference/chat>).

use super::{
    answer::{Answer, Message, serial},
    error::Failure,
    parse,
};
use crate::source::SystemClock;
use axum::{
    Json,
    body::Bytes,
    extract::rejection::BytesRejection,
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use clawplane_domain::clock::Clock;
use serde::Deserialize;
use serde_json::{Value, json};
use std::convert::Infallible;

#[derive(Debug, Deserialize)]
struct Body {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

pub(super) async fn complete(body: Result<Bytes, BytesRejection>) -> Result<Response, Failure> {
    let body: Body = parse(body)?;
    let answer = Answer::to(&body.messages);
    let (id, created) = (serial("chatcmpl"), SystemClock.now().timestamp());
    let head = |object: &str| json!({"id": id, "object": object, "created": created, "model": body.model});
    if !body.stream {
        let mut whole = head("chat.completion");
        whole["choices"] = json!([{
            "index": 0,
            "message": {"role": "assistant", "content": answer.text, "refusal": null},
            "logprobs": null,
            "finish_reason": "stop",
        }]);
        whole["usage"] = usage(&answer);
        return Ok(Json(whole).into_response());
    }
    let with_usage = body.stream_options.is_some_and(|options| options.include_usage);
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = head("chat.completion.chunk");
        chunk["choices"] = choices;
        // OpenAI leaves the field out where it was not asked for, and else has it null in all but the last chunk.
        if with_usage {
            chunk["usage"] = usage;
        }
        chunk
    };
    let choice = |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
    let mut chunks =
        vec![chunk(choice(json!({"role": "assistant", "content": ""}), Value::Null), Value::Null)];
    for piece in answer.pieces() {
        chunks.push(chunk(choice(json!({"content": piece}), Value::Null), Value::Null));
    }
    chunks.push(chunk(choice(json!({}), json!("stop")), Value::Null));
    if with_usage {
        chunks.push(chunk(json!([]), usage(&answer)));
    }
    let events = chunks.into_iter().map(|chunk| Event::default().data(chunk.to_string()));
    let events = events.chain([Event::default().data("[DONE]")]).map(Ok::<_, Infallible>);
    Ok(Sse::new(futures::stream::iter(events)).into_response())
}

fn usage(answer: &Answer) -> Value {
    json!({
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    })
}
