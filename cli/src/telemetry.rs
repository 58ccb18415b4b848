//! Logs and metrics of the process.

use crate::config::{Config, LogFormat};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::io::{self, IsTerminal};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// Lines of libraries that are noise at `info`, or that could repeat what passes through them at `debug`.
const QUIET: &str =
    "sqlx=warn,hyper=warn,hyper_util=warn,h2=warn,rustls=warn,async_nats=warn,bollard=warn,tower=warn";

/// Sends logs to standard error, as the configuration says.
pub(crate) fn logs(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", config.log))?;
    let lines = tracing_subscriber::registry().with(filter);
    match config.log_format {
        LogFormat::Text => lines
            .with(
                fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(io::stderr).with_target(false),
            )
            .try_init()?,
        LogFormat::Json => lines.with(fmt::layer().json().with_writer(io::stderr)).try_init()?,
    }
    Ok(())
}

/// Starts recording metrics, and gives the handle that renders them.
pub(crate) fn metrics() -> anyhow::Result<PrometheusHandle> {
    let seconds =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
    let recorder = PrometheusBuilder::new().set_buckets(&seconds)?.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    Ok(handle)
}
