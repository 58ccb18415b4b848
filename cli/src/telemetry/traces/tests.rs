use super::*;
use clawplane_proxy::observe::{Operation, Whence};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};

fn ended(traceparent: Option<&str>, code: Option<&'static str>) -> SpanData {
    let record = serde_json::from_str(include_str!("../../../../domain/tests/golden/usage.recorded.v1.json"));
    let whence = Whence {
        traceparent: traceparent.map(str::to_owned),
        server: Some("api.example.com".to_owned()),
        port: None,
    };
    let ended = Ended {
        record: &record.unwrap(),
        vendor: "google",
        code,
        operation: Operation::Chat,
        asked_model: Some("gemini-2.5-flash"),
        ttfb: Some(Duration::from_millis(3)),
        duration: Duration::from_millis(5),
        added: None,
        whence: Some(&whence),
    };
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    Spans(provider.tracer("test")).ended(&ended);
    exporter.get_finished_spans().unwrap().remove(0)
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|pair| pair.key.as_str() == key).map(|pair| pair.value.to_string())
}

#[test]
fn a_span_has_the_conventions_attributes_and_the_clients_parent() {
    let span = ended(Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), None);
    assert_eq!(span.name, "chat gemini-2.5-flash");
    assert_eq!(span.span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    for (key, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "gcp.gemini"),
        ("gen_ai.request.model", "gemini-2.5-flash"),
        ("gen_ai.response.model", "claude-sonnet-4-5"),
        ("gen_ai.usage.input_tokens", "1200"),
        ("gen_ai.usage.output_tokens", "340"),
        ("server.address", "api.example.com"),
        ("clawplane.bot.id", "01990000-0000-7000-8000-000000000021"),
        ("clawplane.tenant.id", "01990000-0000-7000-8000-000000000002"),
    ] {
        assert_eq!(attribute(&span, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(attribute(&span, "error.type"), None);
    assert_eq!(span.end_time.duration_since(span.start_time).unwrap(), Duration::from_millis(5));
}

#[test]
fn a_failure_has_its_code() {
    let span = ended(None, Some("quota_exceeded"));
    assert_eq!(attribute(&span, "error.type").as_deref(), Some("quota_exceeded"));
    assert!(matches!(span.status, opentelemetry::trace::Status::Error { .. }));
}

#[test]
fn a_parent_that_is_none_begins_a_trace() {
    for text in [
        "",
        "00",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
    ] {
        assert_eq!(ended(Some(text), None).parent_span_id, opentelemetry::trace::SpanId::INVALID, "{text}");
    }
}
