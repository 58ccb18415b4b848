//! `GET /api/system/status`

use crate::{ApiState, system::SystemStatus};
use axum::{Json, extract::State};

/// Shows how the installation is
#[utoipa::path(
    get, path = "/api/system/status", tag = "operations",
    responses((status = 200, description = "Its parts, hosts and read models", body = SystemStatus)),
)]
pub(crate) async fn system_status(State(api): State<ApiState>) -> Json<SystemStatus> {
    Json(api.system.status().await)
}
