//! What a request says about itself in a trace. Not a word of a prompt or an answer.

use clawplane_proxy::observe::Ended;
use opentelemetry::{
    Context, KeyValue, Value,
    trace::{
        Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    },
};
use std::{borrow::Cow, time::SystemTime};

/// The client's span, as its `traceparent` names it. <https://www.w3.org/TR/trace-context/#traceparent-header>
pub(super) fn parent(ended: &Ended<'_>) -> Option<Context> {
    let text = ended.whence?.traceparent.as_deref()?;
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lengths = [version, trace, span, flags].map(str::len);
    let later = version != "00" && version != "ff";
    if lengths != [2, 32, 16, 2] || version == "ff" || (parts.next().is_some() && !later) {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    context.is_valid().then(|| Context::new().with_remote_span_context(context))
}

/// Makes the span of a request that has ended.
pub(super) fn record<T: Tracer>(tracer: &T, ended: &Ended<'_>, parent: &Context) {
    let start = SystemTime::from(ended.record.at);
    let mut span = tracer
        .span_builder(name(ended))
        .with_kind(SpanKind::Client)
        .with_start_time(start)
        .with_attributes(attributes(ended))
        .start_with_context(tracer, parent);
    if let Some(code) = ended.code {
        span.set_status(Status::Error { description: Cow::Borrowed(code) });
    }
    span.end_with_timestamp(start + ended.duration);
}

fn name(ended: &Ended<'_>) -> Cow<'static, str> {
    let operation = ended.operation.name();
    match asked_model(ended) {
        Some(model) => format!("{operation} {model}").into(),
        None => operation.into(),
    }
}

/// The model that was asked for, where it can be one.
fn asked_model<'a>(ended: &'a Ended<'_>) -> Option<&'a str> {
    ended.asked_model.filter(|model| model.len() <= 200 && model.bytes().all(|byte| byte.is_ascii_graphic()))
}

fn attributes(ended: &Ended<'_>) -> Vec<KeyValue> {
    let record = ended.record;
    let mut all = Vec::with_capacity(24);
    let mut put = |key: &'static str, value: Value| all.push(KeyValue::new(key, value));
    put("gen_ai.operation.name", ended.operation.name().into());
    put("gen_ai.provider.name", provider(ended).into());
    if let Some(model) = asked_model(ended) {
        put("gen_ai.request.model", model.to_owned().into());
    }
    // A record has the model that was asked for where no answer names another one.
    if let Some(model) = &record.model
        && ended.ttfb.is_some()
        && record.status < 400
    {
        put("gen_ai.response.model", model.as_str().to_owned().into());
    }
    if record.key_id.is_some() {
        put("gen_ai.usage.input_tokens", signed(record.tokens.input_tokens));
        put("gen_ai.usage.output_tokens", signed(record.tokens.output_tokens));
        put("gen_ai.usage.cache_read.input_tokens", signed(record.tokens.cached_input_tokens));
        put("gen_ai.usage.cache_creation.input_tokens", signed(record.tokens.cache_write_tokens));
    }
    if let Some(code) = ended.code {
        put("error.type", code.into());
    }
    put("http.response.status_code", i64::from(record.status).into());
    if let Some(server) = ended.whence.and_then(|whence| whence.server.clone()) {
        put("server.address", server.into());
    }
    if let Some(port) = ended.whence.and_then(|whence| whence.port) {
        put("server.port", i64::from(port).into());
    }
    put("clawplane.request.id", record.request_id.to_string().into());
    put("clawplane.tenant.id", record.tenant_id.to_string().into());
    put("clawplane.bot.id", record.bot_id.to_string().into());
    if let Some(key) = record.key_id {
        put("clawplane.provider_key.id", key.to_string().into());
    }
    put("clawplane.vendor", ended.vendor.into());
    put("clawplane.stream", record.stream.into());
    put("clawplane.usage.estimated", record.estimated.into());
    if let Some(cost) = record.cost_micros {
        put("clawplane.cost_micros", signed(cost));
    }
    if let Some(ttfb) = ended.ttfb {
        put("gen_ai.response.time_to_first_chunk", ttfb.as_secs_f64().into());
    }
    all
}

fn signed(count: u64) -> Value {
    Value::I64(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The vendor by the name that the conventions give it, where they have one.
fn provider(ended: &Ended<'_>) -> &'static str {
    match ended.vendor {
        "google" => "gcp.gemini",
        "azure-openai" => "azure.ai.openai",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        "moonshot" => "moonshot_ai",
        vendor => vendor,
    }
}
