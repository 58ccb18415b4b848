//! `POST /v1/responses`, whole and streamed
//! (format: <https://platform.openai.com/docs/api-reference/responses>).

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
    input: Input,
    #[serde(default)]
    stream: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Items(Vec<Message>),
}

pub(super) async fn respond(body: Result<Bytes, BytesRejection>) -> Result<Response, Failure> {
    let body: Body = parse(body)?;
    let messages = match body.input {
        Input::Text(text) => vec![Message::from_user(text)],
        Input::Items(items) => items,
    };
    let answer = Answer::to(&messages);
    let (id, item) = (serial("resp"), serial("msg"));
    let head = json!({
        "id": id, "object": "response", "created_at": SystemClock.now().timestamp(), "model": body.model,
        "status": "in_progress", "output": [], "usage": null,
    });
    let part = json!({"type": "output_text", "text": answer.text, "annotations": []});
    let message =
        json!({"type": "message", "id": item, "role": "assistant", "status": "completed", "content": [part]});
    let mut whole = head.clone();
    whole["status"] = json!("completed");
    whole["output"] = json!([message]);
    whole["usage"] = usage(&answer);
    if !body.stream {
        return Ok(Json(whole).into_response());
    }
    let place = json!({"item_id": item, "output_index": 0, "content_index": 0});
    let mut events = vec![("response.created", json!({"response": head}))];
    for piece in answer.pieces() {
        events.push(("response.output_text.delta", with(&place, "delta", json!(piece))));
    }
    events.push(("response.output_text.done", with(&place, "text", json!(answer.text))));
    events.push(("response.output_item.done", json!({"output_index": 0, "item": message})));
    events.push(("response.completed", json!({"response": whole})));
    let events = events.into_iter().enumerate().map(|(number, (kind, event))| {
        let event = with(&with(&event, "type", json!(kind)), "sequence_number", json!(number));
        Ok::<_, Infallible>(Event::default().event(kind).data(event.to_string()))
    });
    Ok(Sse::new(futures::stream::iter(events)).into_response())
}

/// The object with one more field.
fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[name] = value;
    object
}

fn usage(answer: &Answer) -> Value {
    json!({
        "input_tokens": answer.input_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.input_tokens + answer.output_tokens,
    })
}
