//! `GET /metrics`

use crate::ApiState;
use axum::{extract::State, http::header, response::IntoResponse};

/// Shows the metrics in Prometheus's text format
///
/// For an administrator of the installation, or a peer on the same machine that no reverse proxy speaks for.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain")),
)]
pub(crate) async fn metrics(State(api): State<ApiState>) -> impl IntoResponse {
    let text = api.metrics.as_ref().map(metrics_exporter_prometheus::PrometheusHandle::render);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text.unwrap_or_default())
}
