//! What a vendor's answer says about the key it was asked with.
//!
//! The status says most of it, the error's own code the rest: a 429 may mean "slow down" or "pay first", a 403 may be
//! about the key or about the model.

use crate::health::Fault;
use clawplane_domain::{Timestamp, provider_key::CoolCode};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use std::time::Duration;

/// What an answer says about its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The vendor takes it. Whatever is wrong is wrong with the request.
    Good,
    Bad(Fault),
}

/// Codes and types of errors that say that the account has no money left. OpenAI, Moonshot, DeepSeek and Zhipu,
/// Doubao, `DashScope`.
const EXHAUSTED: [&str; 8] = [
    "insufficient_quota",
    "billing_not_active",
    "billing_hard_limit_reached",
    "exceeded_current_quota_error",
    "insufficient_balance",
    "accountoverdueerror",
    "arrearage",
    "1113",
];
/// Anthropic's way to say it: a 400 of type `invalid_request_error`.
const EXHAUSTED_MESSAGE: &str = "your credit balance is too low";
/// Codes of a 403 that is about what was asked for. Others of the tenant's bots may ask for something else.
const NOT_THE_KEY: [&str; 5] =
    ["model_not_found", "model_not_allowed", "content_policy_violation", "content_filter", "moderation"];
/// Gemini's way to say 401.
const INVALID_KEY: [&str; 2] = ["api_key_invalid", "invalid_api_key"];

/// Whether the body of an answer has to be looked at, too.
pub(crate) fn needs_body(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400..=403 | 429) || is_fault(status)
}

fn is_fault(status: StatusCode) -> bool {
    // Methods and versions that the vendor does not know are the request's.
    status.is_server_error() && !matches!(status.as_u16(), 501 | 505)
}

/// Judges an answer; of `body` as much as was looked at.
pub(crate) fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Verdict {
    let number = status.as_u16();
    if !needs_body(status) {
        return Verdict::Good;
    }
    let said = Said::of(body);
    let passing = |code, after| Verdict::Bad(Fault::Passing { code, status: Some(number), after });
    let refused = Verdict::Bad(Fault::Refused { status: number });
    match number {
        402 => passing(CoolCode::QuotaExhausted, None),
        400 | 401 | 403 | 429 if said.exhausted() => passing(CoolCode::QuotaExhausted, None),
        400 if said.is_any(&INVALID_KEY) => refused,
        400 => Verdict::Good,
        403 if said.is_any(&NOT_THE_KEY) => Verdict::Good,
        401 | 403 => refused,
        429 => passing(CoolCode::RateLimited, retry_after(headers, now).or(said.retry_delay)),
        _ => passing(CoolCode::UpstreamError, retry_after(headers, now)),
    }
}

/// `retry-after` in seconds or as a date (RFC 9110, section 10.2.3), or OpenAI's and Azure's `retry-after-ms`.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|text| text.parse().ok()) {
        return Some(Duration::from_millis(millis));
    }
    let value = text(header::RETRY_AFTER.as_str())?;
    if let Some(seconds) = seconds(value) {
        return Some(seconds);
    }
    let date = chrono::DateTime::parse_from_rfc2822(value).ok()?;
    Some((date.to_utc() - now).to_std().unwrap_or_default())
}

/// Whole or broken seconds; nothing that is no time.
fn seconds(text: &str) -> Option<Duration> {
    text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// What an error in JSON says, in the vendors' various places.
#[derive(Debug, Default)]
struct Said {
    /// Codes, types, reasons, in lower case.
    codes: Vec<String>,
    message: String,
    /// Google's `RetryInfo`.
    retry_delay: Option<Duration>,
}

impl Said {
    fn of(body: &[u8]) -> Self {
        let Ok(whole) = serde_json::from_slice::<Value>(body) else { return Self::default() };
        // Gemini's streams answer with a list.
        let whole = whole.get(0).unwrap_or(&whole);
        let error = whole.get("error").filter(|error| error.is_object()).unwrap_or(whole);
        let mut said = Self::default();
        for name in ["code", "type", "status"] {
            match error.get(name) {
                Some(Value::String(code)) => said.codes.push(code.to_lowercase()),
                Some(Value::Number(code)) => said.codes.push(code.to_string()),
                _ => {}
            }
        }
        if let Some(message) = error.get("message").and_then(Value::as_str) {
            said.message = message.to_lowercase();
        }
        for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
            if let Some(reason) = detail.get("reason").and_then(Value::as_str) {
                said.codes.push(reason.to_lowercase());
            }
            let delay = detail.get("retryDelay").and_then(Value::as_str);
            said.retry_delay =
                delay.and_then(|delay| seconds(delay.trim_end_matches('s'))).or(said.retry_delay);
        }
        said
    }

    fn is_any(&self, codes: &[&str]) -> bool {
        self.codes.iter().any(|code| codes.contains(&code.as_str()))
    }

    fn exhausted(&self) -> bool {
        self.is_any(&EXHAUSTED) || self.message.starts_with(EXHAUSTED_MESSAGE)
    }
}

#[cfg(test)]
mod tests;
