//! `GET /api/system/doctor`

use crate::{ApiState, problem::Problem, system::Diagnosis};
use axum::{Json, extract::State};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// After this the engine may be back.
const SOON: Duration = Duration::from_secs(10);

/// What the doctor found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// Nothing is wrong.
    healthy: bool,
    /// Every check of every bot.
    checks: Vec<Diagnosis>,
}

/// Compares every bot with what it should be
///
/// Labels, limits, capabilities, ports, mounts, network, image, the folder's owners and modes, the configuration, the
/// disk. It changes nothing.
#[utoipa::path(
    get, path = "/api/system/doctor", tag = "operations",
    responses((status = 200, description = "What was found", body = Report)),
)]
pub(crate) async fn doctor(State(api): State<ApiState>) -> Result<Json<Report>, Problem> {
    let checks = api.system.examine().await.map_err(|why| Problem::unavailable(why, SOON))?;
    Ok(Json(Report { healthy: checks.iter().all(|one| one.grade != "wrong"), checks }))
}
