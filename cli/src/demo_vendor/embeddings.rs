//! `POST /v1/embeddings`: eight numbers that follow from the text alone
//! (format: <https://platform.openai.com/docs/api-reference/embeddings>).

use super::{answer::words, error::Failure, parse};
use axum::{Json, body::Bytes, extract::rejection::BytesRejection};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// OpenAI's own limit.
const MAX_INPUTS: usize = 2048;
const DIMENSIONS: usize = 8;

#[derive(Debug, Deserialize)]
struct Body {
    model: String,
    input: Input,
    #[serde(default)]
    encoding_format: Format,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Many(Vec<String>),
}

/// How the numbers are written; OpenAI's Python library asks for base64.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Float,
    Base64,
}

pub(super) async fn embed(body: Result<Bytes, BytesRejection>) -> Result<Json<Value>, Failure> {
    let body: Body = parse(body)?;
    let texts = match body.input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
    };
    if texts.is_empty() || texts.len() > MAX_INPUTS {
        return Err(Failure::invalid("`input` must be a text or 1 to 2048 texts"));
    }
    let data: Vec<Value> = texts.iter().enumerate().map(|(index, text)| {
        json!({"object": "embedding", "index": index, "embedding": written(vector(text), &body.encoding_format)})
    })
    .collect();
    let tokens: usize = texts.iter().map(|text| words(text)).sum();
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    Ok(Json(json!({"object": "list", "data": data, "model": body.model, "usage": usage})))
}

/// A vector of length 1, as OpenAI's are.
fn vector(text: &str) -> [f32; DIMENSIONS] {
    let digest = Sha256::digest(text);
    let mut vector = [0.0_f32; DIMENSIONS];
    for (number, byte) in vector.iter_mut().zip(digest) {
        // Never 0, so that the length is never 0 either.
        *number = f32::from(byte) - 127.5;
    }
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.map(|number| number / length)
}

fn written(vector: [f32; DIMENSIONS], format: &Format) -> Value {
    match format {
        Format::Float => json!(vector),
        Format::Base64 => {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            json!(BASE64_STANDARD.encode(bytes))
        }
    }
}
