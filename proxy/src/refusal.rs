//! The proxy's own answers: every refusal in the form that the vendor's SDK understands, with a stable code.

use crate::vendors::Format;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Why the proxy answers by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// Stable; also stands in the usage event.
    pub(crate) code: &'static str,
    pub(crate) message: Cow<'static, str>,
    /// Seconds.
    pub(crate) retry_after: Option<u64>,
}

/// The status of a request whose client went away before there was one (nginx's).
pub(crate) const CLIENT_GONE: u16 = 499;
/// The code of such a request.
pub(crate) const CLIENT_DISCONNECTED: &str = "client_disconnected";

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    pub(crate) fn unknown_token() -> Self {
        let message =
            "the gateway token is missing or not known; a bot's token is shown once, when the bot is created";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", message)
    }

    pub(crate) fn expired_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "token_expired", "the gateway token has expired")
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "vendors are reached at /api/v1/{vendor}/{path}")
    }

    pub(crate) fn unknown_vendor(id: &str) -> Self {
        let id: String = id.chars().filter(char::is_ascii_graphic).take(40).collect();
        Self::new(StatusCode::NOT_FOUND, "unknown_vendor", format!("there is no vendor `{id}`"))
    }

    pub(crate) fn no_key(vendor: &str) -> Self {
        let message = format!(
            "the bot's tenant has no provider key for `{vendor}`: add one with POST /api/provider-key"
        );
        Self::new(StatusCode::BAD_REQUEST, "no_provider_key", message)
    }

    pub(crate) fn vendor_not_allowed(vendor: &str) -> Self {
        let message =
            format!("the bot may not use the vendor `{vendor}`: it is not one of its allowedVendors");
        Self::new(StatusCode::FORBIDDEN, "vendor_not_allowed", message)
    }

    pub(crate) fn model_not_allowed(model: &str) -> Self {
        let model: String = model.chars().filter(|c| !c.is_control()).take(200).collect();
        let message = format!("the bot may not use the model `{model}`: none of its allowedModels matches");
        Self::new(StatusCode::FORBIDDEN, "model_not_allowed", message)
    }

    pub(crate) fn model_unknown(why: &'static str) -> Self {
        let message =
            format!("the bot may use its allowedModels only, and this request's cannot be read: {why}");
        Self::new(StatusCode::FORBIDDEN, "model_unknown", message)
    }

    pub(crate) fn quota(what: &str, retry_after: u64) -> Self {
        let message = format!("the bot's quota is used up: {what}");
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded", message);
        Self { retry_after: Some(retry_after.max(1)), ..refusal }
    }

    pub(crate) fn too_large(limit: u64) -> Self {
        let message = format!("the request's body is larger than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", message)
    }

    pub(crate) fn spool() -> Self {
        let message = "usage cannot be recorded at the moment, and nothing goes unrecorded";
        Self {
            retry_after: Some(5),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "spool_unavailable", message)
        }
    }

    pub(crate) fn overloaded() -> Self {
        let message = "too many large requests at once";
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message) }
    }

    /// Whether trying again soon can help. SDKs retry 429 and 5xx by themselves unless told not to.
    fn may_be_retried(&self) -> bool {
        self.status.is_server_error() && self.code != "provider_key_unusable"
    }

    /// As an answer in `format`.
    pub(crate) fn response(&self, format: Format) -> Response<Bytes> {
        let body = self.body(format).to_string();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if !self.may_be_retried() {
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn body(&self, format: Format) -> Value {
        let Self { status, code, message, .. } = self;
        let kind = kind(*status);
        match format {
            Format::OpenAi | Format::OpenAiResponses => {
                json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
            }
            Format::Anthropic => {
                json!({"type": "error", "error": {"type": kind, "message": message, "code": code}})
            }
            Format::Gemini => json!({"error": {
                "code": status.as_u16(), "message": message, "status": google_status(*status),
                "details": [{
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code, "domain": "clawplane"
                }],
            }}),
            Format::Cohere => json!({"message": message, "code": code}),
            Format::Ollama => json!({"error": message, "code": code}),
        }
    }
}

/// Anthropic's error types, which OpenAI's SDKs take as well.
fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        503 => "overloaded_error",
        504 => "timeout_error",
        _ => "api_error",
    }
}

/// <https://cloud.google.com/apis/design/errors#handling_errors>
fn google_status(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        400..=499 => "INVALID_ARGUMENT",
        504 => "DEADLINE_EXCEEDED",
        502 | 503 => "UNAVAILABLE",
        _ => "INTERNAL",
    }
}

#[cfg(test)]
mod tests;
