//! `GET /api/health`

use crate::{ApiState, PartHealth, PartStatus};
use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};
use utoipa::ToSchema;

/// Longest time for a look at all parts.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the platform is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`; `degraded` when a part is away and the others go on; `down` when nothing goes on.
    #[schema(example = "ok")]
    status: &'static str,
    /// Each part by name: `database`, `nats`, `docker`, `projections`.
    parts: BTreeMap<String, Part>,
}

/// How a part is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Part {
    /// `ok`, `degraded` or `down`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Shows how the platform is
#[utoipa::path(
    get, path = "/api/health", tag = "operations",
    responses(
        (status = 200, description = "It works, perhaps without a part that it can do without", body = Health),
        (status = 503, description = "It does not work", body = Health),
    ),
)]
pub(crate) async fn health(State(api): State<ApiState>) -> (StatusCode, Json<Health>) {
    let parts = tokio::time::timeout(PATIENCE, api.health.parts()).await;
    let health = parts.map_or_else(|_| Health::of(vec![no_answer()]), Health::of);
    let up = health.status != name(PartStatus::Down);
    (if up { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(health))
}

fn no_answer() -> PartHealth {
    let detail = Some("no answer within 5 s".to_owned());
    PartHealth { name: "checks".to_owned(), status: PartStatus::Down, detail }
}

impl Health {
    fn of(parts: Vec<PartHealth>) -> Self {
        let worst = parts.iter().map(|part| part.status).max().unwrap_or(PartStatus::Ok);
        let parts = parts.into_iter().map(|part| {
            let shown = Part { status: name(part.status), detail: part.detail };
            (part.name, shown)
        });
        Self { status: name(worst), parts: parts.collect() }
    }
}

fn name(status: PartStatus) -> &'static str {
    match status {
        PartStatus::Ok => "ok",
        PartStatus::Degraded => "degraded",
        PartStatus::Down => "down",
    }
}
