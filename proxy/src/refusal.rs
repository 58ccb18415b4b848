//! The proxy's own answers: every refusal in the form that the vendor's SDK understands, with a stable code.

use crate::{
    quota::{Exceeded, Lack, Owner, Rates, Refused},
    vendors::Format,
};
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
    /// Where the bot's limits stand, when they were looked at.
    pub(crate) rates: Option<Box<Rates>>,
}

/// The code of a day's or a month's limit that is used up.
const QUOTA_EXCEEDED: &str = "quota_exceeded";

/// The status of a request whose client went away before there was one (nginx's).
pub(crate) const CLIENT_GONE: u16 = 499;
/// The code of such a request.
pub(crate) const CLIENT_DISCONNECTED: &str = "client_disconnected";

/// What takes longer than this, in seconds, is not worth the SDKs' own retries.
const SOON: u64 = 60;

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, rates: None }
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

    /// Every key is down. `retry_after` is when the first of them may be tried again; `None` when somebody has to act.
    pub(crate) fn no_healthy_key(vendor: &str, keys: &str, retry_after: Option<u64>) -> Self {
        let message = format!("no provider key for `{vendor}` can be used now: {keys}");
        let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, "no_healthy_key", message);
        Self { retry_after: retry_after.map(|seconds| seconds.max(1)), ..refusal }
    }

    /// Another vendor that could stand in cannot either, for this reason.
    pub(crate) fn nor(&mut self, other: &Self) {
        let message = format!("{}; nor can its fallback: {}", self.message, other.message);
        self.message = message.into();
        self.retry_after = match (self.retry_after, other.retry_after) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// A limit is reached. One of a day or a month will not pass soon, and says so in the way that clients stop for.
    pub(crate) fn quota(refused: &Refused) -> Self {
        let Refused { exceeded: Exceeded { limit, of, lack, retry_after }, owner, rates } = refused;
        let owner = match owner {
            Owner::Bot => "bot",
            Owner::Tenant => "tenant",
        };
        let (code, message) = match lack {
            Lack::Window => (QUOTA_EXCEEDED, format!("the {owner}'s quota is used up: {limit} is {of}")),
            Lack::Rate => {
                ("rate_limit_exceeded", format!("the {owner}'s rate limit is reached: {limit} is {of}"))
            }
            Lack::Held => (
                "rate_limit_exceeded",
                format!("what is left of the {owner}'s quota is held by other requests: {limit} is {of}"),
            ),
        };
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, code, message);
        Self { retry_after: Some((*retry_after).max(1)), rates: Some(Box::new(*rates)), ..refusal }
    }

    /// A limit on money cannot be kept, because nobody knows what the model costs.
    pub(crate) fn unknown_price(owner: Owner, model: Option<&str>) -> Self {
        let model: String = model.unwrap_or("?").chars().filter(|c| !c.is_control()).take(80).collect();
        let owner = match owner {
            Owner::Bot => "bot",
            Owner::Tenant => "tenant",
        };
        let message = format!(
            "the {owner}'s quota limits money, and the price of `{model}` is not known; \
             its `unknownPrice` can be set to `allow`"
        );
        Self::new(StatusCode::FORBIDDEN, "unknown_price", message)
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

    pub(crate) fn stopping() -> Self {
        let message = "the proxy is stopping";
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "proxy_stopped", message) }
    }

    pub(crate) fn overloaded() -> Self {
        let message = "too many large requests at once";
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message) }
    }

    /// Whether trying again soon can help. SDKs retry 429 and 5xx by themselves unless told not to.
    fn may_be_retried(&self) -> bool {
        match self.code {
            "provider_key_unusable" => false,
            "rate_limit_exceeded" => true,
            "no_healthy_key" => self.retry_after.is_some_and(|seconds| seconds <= SOON),
            _ => self.status.is_server_error(),
        }
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
        if let Some(rates) = &self.rates {
            rates.put(headers);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn body(&self, format: Format) -> Value {
        let Self { status, code, message, .. } = self;
        let kind = match *code {
            QUOTA_EXCEEDED => quota_kind(format),
            _ => kind(*status),
        };
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

/// The type of an error that clients take for the end of their means. OpenAI's clients know `insufficient_quota`
/// (<https://platform.openai.com/docs/guides/error-codes>), Anthropic's `billing_error`
/// (<https://docs.anthropic.com/en/api/errors>); OpenClaw stops for either, where it would try a rate limit again.
fn quota_kind(format: Format) -> &'static str {
    match format {
        Format::Anthropic => "billing_error",
        _ => "insufficient_quota",
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
