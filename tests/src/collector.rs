//! A fake OpenTelemetry collector: takes traces by OTLP over HTTP with protobuf, and keeps them.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{AnyValue, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::Span,
};
use prost::Message;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::net::TcpListener;

/// A collector that runs as long as its runtime.
#[derive(Debug)]
pub struct Collector {
    /// Where it listens.
    pub addr: SocketAddr,
    got: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    /// Starts one on a free port of loopback.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let got = Arc::<Mutex<Vec<Bytes>>>::default();
        let routes = Router::new().route("/v1/traces", post(take)).with_state(got.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { addr, got }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The messages that came, as they came.
    pub fn raw(&self) -> Vec<Bytes> {
        self.got.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every span that came, each with the resource that it is of.
    pub fn spans(&self) -> Vec<(Resource, Span)> {
        let messages = self.raw().into_iter();
        let messages = messages.map(|raw| ExportTraceServiceRequest::decode(raw).expect("checked before"));
        let resources = messages.flat_map(|message| message.resource_spans).flat_map(|spans| {
            let resource = spans.resource.unwrap_or_default();
            spans.scope_spans.into_iter().map(move |scope| (resource.clone(), scope))
        });
        resources
            .flat_map(|(resource, scope)| scope.spans.into_iter().map(move |s| (resource.clone(), s)))
            .collect()
    }
}

async fn take(State(got): State<Arc<Mutex<Vec<Bytes>>>>, headers: HeaderMap, body: Bytes) -> Response {
    let kind = headers.get("content-type").and_then(|value| value.to_str().ok());
    if kind != Some("application/x-protobuf") || ExportTraceServiceRequest::decode(body.clone()).is_err() {
        return StatusCode::BAD_REQUEST.into_response();
    }
    got.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    let answer = ExportTraceServiceResponse { partial_success: None }.encode_to_vec();
    ([("content-type", "application/x-protobuf")], answer).into_response()
}

/// The text of an attribute, whatever its type; nothing where it is not there.
pub fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|pair| pair.key == key)?;
    match found.value.as_ref()? {
        AnyValue { value: Some(Value::StringValue(text)) } => Some(text.clone()),
        AnyValue { value: Some(Value::IntValue(number)) } => Some(number.to_string()),
        AnyValue { value: Some(Value::DoubleValue(number)) } => Some(number.to_string()),
        AnyValue { value: Some(Value::BoolValue(yes)) } => Some(yes.to_string()),
        other => Some(format!("{other:?}")),
    }
}
