//! What is seen of a request from outside once it has ended: one line in the log, and whatever an observer makes of it.
//!
//! Nothing here has a word of a prompt or an answer.

use crate::{flight::Arrival, refusal::Refusal};
use clawplane_domain::usage::UsageRecorded;
use http::{HeaderMap, Uri};
use std::{fmt, time::Duration};

/// The target of the one line that each request leaves in the log.
pub const ACCESS: &str = "clawplane::proxy::access";

/// Hears of every request that has ended. It is called on the data path: it must not block.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A request has ended.
    fn ended(&self, ended: &Ended<'_>);
}

/// A request that has ended.
#[derive(Debug)]
pub struct Ended<'a> {
    /// What is stored of it.
    pub record: &'a UsageRecorded,
    /// The vendor's id in the table, or `unknown`.
    pub vendor: &'static str,
    /// Why it failed, of a closed list; `None` when it did not.
    pub code: Option<&'static str>,
    /// What was asked of the vendor.
    pub operation: Operation,
    /// The model that was asked for.
    pub asked_model: Option<&'a str>,
    /// From its arrival to the head of the answer.
    pub ttfb: Option<Duration>,
    /// From its arrival to its end.
    pub duration: Duration,
    /// What of that was the proxy's: until it was sent, and behind the last piece of the answer. `None` when it was
    /// never sent.
    pub added: Option<Duration>,
    /// Only where there is an observer.
    pub whence: Option<&'a Whence>,
}

/// Where a request came from and went to.
#[derive(Debug, Default)]
pub struct Whence {
    /// The client's `traceparent`, as it wrote it.
    pub traceparent: Option<String>,
    /// The vendor's host.
    pub server: Option<String>,
    /// The vendor's port, where it is not that of the scheme.
    pub port: Option<u16>,
}

impl Whence {
    pub(crate) fn new(headers: &HeaderMap, uri: &Uri) -> Self {
        let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok());
        Self {
            // Version 00 has 55 characters; a later one may have more.
            traceparent: traceparent.filter(|text| text.len() <= 128).map(str::to_owned),
            server: uri.host().map(str::to_owned),
            port: uri.port_u16(),
        }
    }
}

/// What is asked of a vendor, by the names of OpenTelemetry's conventions where they have one.
/// <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Chat, in any vendor's format.
    Chat,
    /// Completion of a text.
    TextCompletion,
    /// Embeddings.
    Embeddings,
    /// Gemini's `generateContent`.
    GenerateContent,
    /// Anything else.
    Other,
}

impl Operation {
    /// Its name in traces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::TextCompletion => "text_completion",
            Self::Embeddings => "embeddings",
            Self::GenerateContent => "generate_content",
            Self::Other => "request",
        }
    }

    pub(crate) fn of(path: &str) -> Self {
        let last = path.rsplit('/').next().unwrap_or_default();
        match last.rsplit_once(':').map_or(last, |(_, method)| method) {
            "completions" if path.ends_with("chat/completions") => Self::Chat,
            "responses" | "messages" | "chat" => Self::Chat,
            "completions" | "generate" => Self::TextCompletion,
            "embeddings" | "embed" | "embedContent" | "batchEmbedContents" => Self::Embeddings,
            "generateContent" | "streamGenerateContent" => Self::GenerateContent,
            _ => Self::Other,
        }
    }
}

/// The code of a failure that is the vendor's own answer.
pub(crate) fn vendor_code(status: u16) -> Option<&'static str> {
    match status {
        ..400 => None,
        401 | 403 => Some("vendor_key_refused"),
        429 => Some("vendor_rate_limited"),
        400..500 => Some("vendor_refused_request"),
        500.. => Some("vendor_failed"),
    }
}

/// Writes the line of a request.
pub(crate) fn access(ended: &Ended<'_>) {
    let record = ended.record;
    tracing::info!(
        target: ACCESS,
        request_id = %record.request_id,
        tenant = %record.tenant_id,
        bot = %record.bot_id,
        key = record.key_id.as_ref().map(tracing::field::display),
        vendor = ended.vendor,
        model = record.model.as_ref().map(tracing::field::display),
        operation = ended.operation.name(),
        status = record.status,
        code = ended.code,
        stream = record.stream,
        input_tokens = record.tokens.input_tokens,
        cached_input_tokens = record.tokens.cached_input_tokens,
        output_tokens = record.tokens.output_tokens,
        estimated = record.estimated,
        interrupted = record.interrupted,
        cost_micros = record.cost_micros,
        ttfb_ms = record.ttfb_ms,
        duration_ms = record.duration_ms,
        added_us = ended.added.map(|added| u64::try_from(added.as_micros()).unwrap_or(u64::MAX)),
        "request"
    );
}

/// Writes the line of a request of nobody that is known.
pub(crate) fn access_refused(arrival: &Arrival, refusal: &Refusal) {
    let (status, code) = (refusal.status.as_u16(), refusal.code);
    tracing::info!(target: ACCESS, request_id = %arrival.id, status, code, "request");
}

#[cfg(test)]
mod tests;
