//! OpenTelemetry traces: a span a proxied request, by the conventions for generative AI, sent by OTLP over HTTP.
//!
//! A span is made when its request has ended and put into a bounded queue; a full queue drops it, so that the data
//! path waits for nobody. <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/>

mod client;
mod span;

#[cfg(test)]
mod tests;

use clawplane_proxy::observe::{Ended, Observer};
use client::Client;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider},
};
use std::{sync::Arc, time::Duration};
use url::Url;

/// Spans that wait to be sent.
const QUEUE: usize = 8192;
/// Spans in one message.
const BATCH: usize = 512;
/// How long a span waits for others.
const DELAY: Duration = Duration::from_secs(2);
/// How long one message may take, and all of them at the end.
const SEND: Duration = Duration::from_secs(5);

/// The way out for traces.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts sending to the collector at `endpoint`; `None` without one. Within the runtime.
    pub(crate) fn start(endpoint: Option<&Url>) -> anyhow::Result<Option<Self>> {
        let Some(endpoint) = endpoint else { return Ok(None) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new(SEND)?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/')))
            .with_timeout(SEND)
            .build()?;
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(DELAY)
            .build();
        let resource = Resource::builder()
            .with_service_name("clawplane")
            .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(config).build())
            .with_resource(resource)
            .build();
        Ok(Some(Self { provider }))
    }

    /// For the proxy.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::new(Spans(self.provider.tracer("clawplane.proxy")))
    }

    /// Sends what is left, bounded.
    pub(crate) async fn stop(self) {
        let stopped = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(SEND)).await;
        if let Ok(Err(error)) = stopped {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// Makes a span of each request.
#[derive(Debug)]
struct Spans(SdkTracer);

impl Observer for Spans {
    fn ended(&self, ended: &Ended<'_>) {
        let parent = span::parent(ended).unwrap_or_default();
        span::record(&self.0, ended, &parent);
    }
}
