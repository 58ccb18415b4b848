//! Logs, metrics and traces of the process.

mod traces;

pub(crate) use traces::Traces;

use crate::config::{Config, LogFormat};
use clawplane_proxy::observe::ACCESS;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{
    io::{self, IsTerminal},
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use tracing::{Metadata, Subscriber, field::Field};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, Layer,
    field::MakeExt,
    filter::filter_fn,
    fmt::{
        self, FormatFields,
        format::{Writer, debug_fn},
    },
    prelude::*,
    registry::LookupSpan,
};

/// Lines of libraries that are noise at `info`, or that could repeat what passes through them at `debug`.
const QUIET: &str = "sqlx=warn,hyper=warn,hyper_util=warn,h2=warn,rustls=warn,async_nats=warn,bollard=warn,tower=warn,\
                     opentelemetry=warn,opentelemetry_sdk=warn,opentelemetry-otlp=warn";

/// Lines of requests that may wait for a slow standard error. Beyond that they are dropped: requests do not wait.
const ACCESS_LINES: usize = 32_768;

/// Sends logs to standard error, as the configuration says. The guard writes what is left when it is dropped.
///
/// Each request's line goes through a thread of its own, so that the data path never waits for whoever reads the log.
pub(crate) fn logs(config: &Config) -> anyhow::Result<WorkerGuard> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", config.log))?;
    let lines = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(ACCESS_LINES);
    let (access, guard) = lines.thread_name("access-log").finish(io::stderr());
    let lines = tracing_subscriber::registry().with(filter);
    lines.with(all_but_access(config.log_format)).with(access_only(config.log_format, access)).try_init()?;
    Ok(guard)
}

fn is_access(metadata: &Metadata<'_>) -> bool {
    metadata.target() == ACCESS
}

fn all_but_access<S: Subscriber + for<'a> LookupSpan<'a>>(format: LogFormat) -> impl Layer<S> {
    let layer = match format {
        LogFormat::Text => fmt::layer()
            .with_ansi(io::stderr().is_terminal())
            .with_writer(io::stderr)
            .with_target(false)
            .boxed(),
        LogFormat::Json => fmt::layer().json().with_writer(io::stderr).boxed(),
    };
    layer.with_filter(filter_fn(|metadata| !is_access(metadata)))
}

fn access_only<S: Subscriber + for<'a> LookupSpan<'a>>(
    format: LogFormat,
    writer: NonBlocking,
) -> impl Layer<S> {
    let layer = match format {
        LogFormat::Text => fmt::layer()
            .with_ansi(io::stderr().is_terminal())
            .with_writer(writer)
            .fmt_fields(plain_fields())
            .boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(writer).boxed(),
    };
    layer.with_filter(filter_fn(is_access))
}

/// `name=value`, without the styles that the usual form writes even where they are off: it is written for each request.
fn plain_fields() -> impl for<'a> FormatFields<'a> + 'static {
    let field = |writer: &mut Writer<'_>, field: &Field, value: &dyn std::fmt::Debug| match field.name() {
        "message" => write!(writer, "{value:?}"),
        name => write!(writer, "{name}={value:?}"),
    };
    debug_fn(field).delimited(" ")
}

/// Seconds, for everything that people or vendors are waited for.
const SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// Seconds, for what the proxy adds.
const ADDED: [f64; 14] =
    [0.000_025, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0];

/// How often what the histograms recorded is counted together.
const UPKEEP: Duration = Duration::from_secs(5);

/// Counts together what the histograms recorded, until `stop`. A scrape does that as well; without either each request would
/// leave its samples in memory for good.
pub(crate) async fn upkeep(metrics: PrometheusHandle, stop: CancellationToken) {
    let mut rounds = tokio::time::interval(UPKEEP);
    while stop.run_until_cancelled(rounds.tick()).await.is_some() {
        metrics.run_upkeep();
    }
}

/// Starts recording metrics, and gives the handle that renders them.
pub(crate) fn metrics() -> anyhow::Result<PrometheusHandle> {
    let recorder = PrometheusBuilder::new()
        .set_buckets(&SECONDS)?
        .set_buckets_for_metric(Matcher::Full("clawplane_proxy_added_seconds".to_owned()), &ADDED)?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    Ok(handle)
}
