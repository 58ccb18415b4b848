//! JSON bodies, with errors that name the field and never repeat a value.

use crate::{
    ApiState,
    problem::{Kind, Problem},
};
use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
};
use serde::de::DeserializeOwned;

/// The body of a request that is no command of a signed-in user.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<ApiState> for Body<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, api: &ApiState) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        let bytes = bytes(request, api).await?;
        parse(&headers, &bytes).map(Self)
    }
}

/// As [`Body`], where there need be none.
pub(crate) struct OptionalBody<T>(pub(crate) Option<T>);

impl<T: DeserializeOwned> FromRequest<ApiState> for OptionalBody<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, api: &ApiState) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        let bytes = bytes(request, api).await?;
        if bytes.is_empty() { Ok(Self(None)) } else { parse(&headers, &bytes).map(Some).map(Self) }
    }
}

/// The bytes of a body of at most 1 MiB.
pub(super) async fn bytes(request: Request, api: &ApiState) -> Result<Bytes, Problem> {
    Bytes::from_request(request, api).await.map_err(|rejection: BytesRejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Kind::TooLarge, "a body may have at most 1 MiB"),
        _ => Problem::new(Kind::InvalidInput, "the body could not be read to its end"),
    })
}

/// The value of a JSON body.
pub(super) fn parse<T: DeserializeOwned>(headers: &HeaderMap, bytes: &[u8]) -> Result<T, Problem> {
    if !is_json(headers) {
        return Err(Problem::new(
            Kind::UnsupportedMediaType,
            "the header `content-type` must be `application/json`",
        ));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value =
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| not_understood(&error))?;
    deserializer.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn not_understood(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    if !error.inner().is_data() {
        return not_json(error.inner());
    }
    let path = error.path().to_string();
    let (field, message) = explain(&path, &error.inner().to_string());
    Problem::field(field, message)
}

fn not_json(error: &serde_json::Error) -> Problem {
    let place = format!("line {} column {}", error.line(), error.column());
    Problem::new(Kind::InvalidInput, format!("the body is not JSON, at {place}"))
}

/// The field and what it must be, from serde's message. What was found there is left out: it may be a secret.
pub(super) fn explain(path: &str, message: &str) -> (String, String) {
    let quoted = |prefix: &str| message.strip_prefix(prefix)?.split('`').next();
    // The path of such an error is that of the object, or already that of the field.
    let within = |name: &str| match path {
        "." | "?" | "" => name.to_owned(),
        path if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        path => format!("{path}.{name}"),
    };
    if let Some(name) = quoted("missing field `") {
        return (within(name), "is required".to_owned());
    }
    if let Some(name) = quoted("unknown field `") {
        return (within(name), "is not a field of this request".to_owned());
    }
    if let Some(name) = quoted("duplicate field `") {
        return (within(name), "is given twice".to_owned());
    }
    let field = if matches!(path, "." | "?" | "") { "body" } else { path };
    let expected = message.rsplit_once("expected ").map(|(_, expected)| expected);
    let expected = expected.and_then(|expected| expected.split(" at line ").next());
    (field.to_owned(), format!("must be {}", expected.map_or("of another form", in_words)))
}

/// What serde expects, in the words of JSON instead of Rust's.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative and not too large",
        "a sequence" => "a list",
        "a boolean" => "`true` or `false`",
        _ if expected.starts_with("struct ") => "an object",
        other => other,
    }
}

#[cfg(test)]
mod tests;
