//! Errors in OpenAI's format.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// An answer other than 200.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
    code: Value,
}

impl Failure {
    pub(super) fn new(status: StatusCode, message: &str) -> Self {
        Self { status, message: message.to_owned(), code: Value::Null }
    }
    pub(super) fn invalid(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
    pub(super) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "the demo vendor knows /v1/chat/completions, /responses, /embeddings and /models",
        )
    }
    pub(super) fn unauthorized() -> Self {
        let message =
            "Incorrect API key provided: the demo vendor takes the key that `clawplane dev --demo` made.";
        Self { code: json!("invalid_api_key"), ..Self::new(StatusCode::UNAUTHORIZED, message) }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = json!({
            "message": self.message,
            "type": "invalid_request_error",
            "param": null,
            "code": self.code,
        });
        (self.status, Json(json!({ "error": error }))).into_response()
    }
}
